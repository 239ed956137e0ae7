"""Work handed to the queue after a commit."""

from contextlib import ExitStack

from django.db import transaction

from accounts.background import enqueue
from accounts.models import Team
from tests.support import databases
from tests.support.factories import make_team

NOWHERE = "postgresql://x@:1/x?host=127.0.0.1"


def test_a_commit_stands_when_the_database_is_lost_right_after_it(cloned_database, caplog):
    team = make_team()

    with ExitStack() as stack, transaction.atomic():
        Team.objects.filter(pk=team.pk).update(name="Kept")
        transaction.on_commit(lambda: stack.enter_context(databases.connected_to_address(NOWHERE)))
        enqueue("generations.tasks.dispatch")

    assert Team.objects.get(pk=team.pk).name == "Kept"
    assert "enqueue_now" in caplog.text
