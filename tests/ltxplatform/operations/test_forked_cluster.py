"""Clusters that are copies of their supervisor: each with its queue's settings, and without the site's pages."""

import json
import subprocess
import sys

import pytest
from django.conf import settings
from django.contrib import admin

from accounts.models import User
from ltxplatform import apps, urls  # noqa: F401 - urls loads the screens
from tests.support.programs import ROOT

# Of one process, which starts as the supervisor does, and of copies of it.
TELLING = """
import json, os, sys
import django
django.setup()
from ltxplatform import processes
from ltxplatform.operations import forked_cluster

def tell(told, queue):
    from django_q.cluster import Conf
    forked_cluster.configure(queue)
    os.write(told, json.dumps([Conf.CLUSTER_NAME, Conf.TIMEOUT, Conf.RETRY, Conf.WORKERS]).encode())

known = {}
for queue in sys.argv[1:]:
    reading, told = os.pipe()
    assert processes.Fork(tell, told, queue, name="tells").wait(30) == 0
    known[queue] = json.loads(os.read(reading, 1000))
screens = [name for name in ("accounts.admin", "billing.admin", "ltxplatform.urls") if name in sys.modules]
print(json.dumps([known, screens]))
"""


@pytest.mark.processes
def test_each_has_its_queue_s_settings_and_no_screen_is_loaded() -> None:
    main = settings.Q_CLUSTER
    queues = {main["name"]: main, **{name: main | own for name, own in main["ALT_CLUSTERS"].items()}}

    command = [sys.executable, "-c", TELLING, *queues]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)

    known, screens = json.loads(told.stdout)
    assert known == {
        name: [name, one["timeout"], one["retry"], one["workers"]] for name, one in queues.items()
    }
    assert screens == []


def test_the_checks_look_at_the_screens_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = admin.site.get_model_admin(User)
    monkeypatch.setattr(screen, "list_display", ("no_such_column",), raising=True)

    assert [problem.id for problem in apps.check_staff_screens(None)] == ["admin.E108"]
