"""What operators do for people who cannot sign in: shown first, done with --yes, and told as the platform's."""

import io

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.audit_words import who
from accounts.models import AuditEvent, Team
from ltxplatform.data_rights import tasks
from ltxplatform.data_rights.models import DataExport, Deletion
from tests.contracts.world import picture_of
from tests.ltxplatform.data_rights.support import just_signed_in
from tests.support import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    team = factories.make_team(factories.make_user("mara@example.com"), name="Lumen")
    factories.give_credits(team, 2_500_000)
    picture_of(team)
    return team


def run(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def told(action):
    return [(who(event), event.team) for event in AuditEvent.objects.filter(action=action).order_by("pk")]


def test_without_yes_a_team_is_only_looked_at(team):
    said = run("delete_team", team.slug)

    for line in ("Lumen (lumen)", "pictures erased: 1", "members who lose the team: 1", "forfeited: $2.50"):
        assert line in said
    assert said.endswith("Nothing was done. Say --yes to go ahead.\n")
    assert not Deletion.objects.exists()
    assert not told("team.deletion_requested")


def test_with_yes_a_team_ends_after_its_grace_and_its_owner_can_undo_it(team):
    said = run("delete_team", team.slug, "--yes")

    deletion = Deletion.objects.get()
    assert (deletion.team, deletion.person, deletion.state) == (team, factories.owner_of(team), "waiting")
    assert f"It will be deleted on {deletion.due_at:%-d %B %Y}." in said
    assert told("team.deletion_requested") == [("The platform", team)]
    assert Team.objects.get(pk=team.pk).ends_at == deletion.due_at
    tasks.tell_about_deletion(deletion_id=str(deletion.pk))
    assert "The operator of this site requested this for the owners." in mail.outbox[-1].body
    run("delete_team", team.slug, "--yes")  # asked again: the same
    assert Deletion.objects.count() == 1

    owner = just_signed_in(factories.owner_of(team))
    owner.post(reverse("data_rights:team_delete_undo", args=[team.slug]))
    assert Deletion.objects.get().state == "undone"


def test_what_has_to_come_first_is_named_and_refuses(team):
    factories.make_member(team, "editor")

    said = run("delete_account", "mara@example.com")
    assert "First: You are the only owner of Lumen." in said
    with pytest.raises(CommandError, match="only owner of Lumen"):
        run("delete_account", "mara@example.com", "--yes")

    assert not Deletion.objects.exists()


def test_an_account_ends_with_the_teams_that_are_its_alone(team):
    shared = factories.make_team(name="Studio")
    person = factories.owner_of(team)
    factories.add_member(team=shared, user=person, role="editor")

    shown = run("delete_account", "Mara@Example.com")
    assert "leaves Studio" in shown
    assert "Lumen (lumen)" in shown
    assert not Deletion.objects.exists()
    run("delete_account", "mara@example.com", "--yes")

    assert set(Deletion.objects.values_list("team", "person")) == {(None, person.pk), (team.pk, person.pk)}
    assert told("user.deletion_requested") == [("The platform", None)]
    tasks.tell_about_deletion(deletion_id=str(Deletion.objects.get(team=None).pk))
    assert "The operator of this site requested this for you, and the teams" in mail.outbox[-1].body
    assert told("team.deletion_requested") == [("The platform", team)]
    assert Team.objects.get(pk=shared.pk).ends_at is None


def test_an_export_is_begun_for_an_owner(team):
    assert "about" in run("export_team", team.slug)
    assert not DataExport.objects.exists()

    run("export_team", team.slug, "--yes")

    export = DataExport.objects.get()
    assert (export.team, export.person) == (team, factories.owner_of(team))
    assert told("export.started") == [("The platform", team)]


def test_an_export_is_not_made_for_somebody_who_could_not_download_it(team):
    editor = factories.make_member(team, "editor")

    with pytest.raises(CommandError, match="only owners download it"):
        run("export_team", team.slug, "--for", editor.email, "--yes")

    assert not DataExport.objects.exists()


def test_too_many_exports_of_a_day_are_refused(team, settings):
    settings.EXPORTS_A_DAY = 1
    run("export_team", team.slug, "--yes")
    DataExport.objects.update(state="ready")

    with pytest.raises(CommandError, match="At most 1"):
        run("export_team", team.slug, "--yes")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("delete_team", "nobody"), "no team called nobody"),
        (("export_team", "nobody"), "no team called nobody"),
        (("delete_account", "nobody@example.com"), "Nobody has the address"),
    ],
)
def test_whom_there_is_not_is_said(arguments, said):
    with pytest.raises(CommandError, match=said):
        run(*arguments, "--yes")
