"""Every task named in the code exists, forgives what it does not know, and goes to a queue that runs."""

import inspect
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.module_loading import import_string
from django_q.models import Schedule

from tests.support.programs import ROOT

APPS = ("accounts", "billing", "generations", "ltxplatform")
DOTTED = re.compile(rf'"((?:{"|".join(APPS)})(?:\.\w+)*\.tasks\.\w+)"')
QUEUE = re.compile(r'\b(?:queue|cluster)="(\w+)"')


def sources() -> list[Path]:
    return [path for app in APPS for path in (ROOT / app).rglob("*.py")]


def named_tasks() -> list[str]:
    return sorted({name for path in sources() for name in DOTTED.findall(path.read_text())})


def test_there_are_tasks_to_check() -> None:
    assert len(named_tasks()) >= 5


@pytest.mark.parametrize("name", named_tasks())
def test_a_named_task_exists_and_ignores_what_it_does_not_know(name: str) -> None:
    """A message may outlive the release that wrote it."""
    kinds = {parameter.kind for parameter in inspect.signature(import_string(name)).parameters.values()}

    assert inspect.Parameter.VAR_KEYWORD in kinds
    assert inspect.Parameter.POSITIONAL_OR_KEYWORD not in kinds


@pytest.mark.parametrize("app", APPS)
def test_every_task_is_named_somewhere(app: str) -> None:
    """A task that nothing enqueues is dead, or its name was misspelt where it is enqueued."""
    named = set(named_tasks())
    for path in (ROOT / app).rglob("tasks.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        defined = re.findall(r"^def ([a-z]\w*)", path.read_text(), flags=re.MULTILINE)
        assert {f"{module}.{function}" for function in defined} <= named


def test_every_queue_named_is_a_queue_that_runs() -> None:
    running = {settings.Q_CLUSTER["name"], *settings.Q_CLUSTER["ALT_CLUSTERS"]}
    used = {queue for path in sources() for queue in QUEUE.findall(path.read_text())}

    assert used <= running


@pytest.mark.django_db
def test_every_schedule_calls_one_of_our_tasks() -> None:
    schedules = list(Schedule.objects.values_list("func", "schedule_type"))

    assert schedules
    for function, kind in schedules:
        assert function in named_tasks()
        assert kind == Schedule.MINUTES  # cron would need another package
