"""One queue's django-q2 cluster as a copy of the process that supervises it.

A cluster is six processes. Copied from one that has loaded Django and all tasks, they share its memory and start at
once; started one by one, each queue would load and hold everything again.
"""

import importlib
import os
from importlib.util import find_spec

from django.apps import apps
from django.conf import settings
from django.db import connections
from django_q import conf
from django_q.cluster import Cluster

from generations.fal_gateway.connection import certificates
from ltxplatform import processes


def start(queue: str) -> processes.Fork:
    """Start the cluster of `queue`. Closes this process's connections, which a copy may not share."""
    _load_all_that_tasks_use()
    connections.close_all()
    return processes.Fork(_run, queue, name=f"queue {queue}")


def _load_all_that_tasks_use() -> None:
    """Also the addresses, which links in e-mails and fal's way back to us are made of, and the root certificates."""
    importlib.import_module(settings.ROOT_URLCONF)
    certificates()
    for app in apps.get_app_configs():
        if find_spec(f"{app.name}.tasks"):
            importlib.import_module(f"{app.name}.tasks")


def _run(queue: str) -> None:
    configure(queue)
    cluster = Cluster()
    cluster.start()
    cluster.sentinel.join()


def configure(queue: str) -> None:
    """Have django-q2 read its settings again, for this queue: it knows only what it read when it was imported."""
    os.environ["Q_CLUSTER_NAME"] = queue
    known_everywhere = conf.Conf
    for name, value in vars(importlib.reload(conf).Conf).items():
        if not name.startswith("__"):
            setattr(known_everywhere, name, value)
    conf.Conf = known_everywhere
