"""A database that holds clips from before there were lines and several keys comes along."""

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from billing.services import hold_of
from generations.models import FalKey, Generation, MemberLine, Submission, TeamLine
from generations.services import places_in_line
from tests.support import flow
from tests.support.factories import give_credits, make_generation, make_image, make_team
from tests.support.stages import bring

pytestmark = pytest.mark.usefixtures("cloned_database")


def test_clips_from_before_there_were_lines_keep_hold_order_and_turn():
    team = make_team()
    give_credits(team)
    image = make_image(team)
    first, second, at_fal = (make_generation(team, image=image, seed=seed) for seed in range(3))
    bring(at_fal, "processing")
    Submission.objects.create(generation=at_fal, number=1, state="accepted", request_id="r")

    call_command("migrate", "generations", "0002", verbosity=0)
    assert "generations_teamline" not in connection.introspection.table_names()
    call_command("migrate", "generations", verbosity=0)

    rows = {row.pk: row for row in Generation.objects.all()}
    assert {row.hold_attempt for row in rows.values()} == set(rows)
    assert all(hold_of(row.hold_attempt).state == "open" for row in rows.values())
    assert rows[first.pk].line_order < rows[second.pk].line_order
    assert (rows[at_fal.pk].fal_key, Submission.objects.get().fal_key) == ("main", "main")
    assert TeamLine.objects.get().ready_at is not None
    assert MemberLine.objects.get().member == first.created_by
    assert FalKey.objects.count() == 0
    assert places_in_line(rows.values()) == {first.pk: 1, second.pk: 2}
    with transaction.atomic():
        assert flow.take_next(now=timezone.now()) == first
