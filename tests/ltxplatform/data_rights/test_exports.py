"""Exports: everything of a team or a person in one file, made in steps, for those alone who may have it."""

import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core import mail
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from accounts.api_keys import create_api_key
from accounts.models import AuditEvent
from ltxplatform.data_rights import tasks
from ltxplatform.data_rights.models import DataExport, ExportState
from ltxplatform.data_rights.services import exports
from tests.contracts.world import browser_of
from tests.ltxplatform.data_rights.support import (
    just_signed_in,
    ready_clip,
    run_until_done,
    signed_in_long_ago,
)
from tests.support import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(db):
    team = factories.make_team(name="Lumen")
    factories.give_credits(team)
    return team


@pytest.fixture
def owner(team):
    return factories.owner_of(team)


def start(team):
    owner = factories.owner_of(team)
    response = just_signed_in(owner).post(reverse("data_rights:team_export", args=[team.slug]))
    assert response.status_code == 302
    return DataExport.objects.get(team=team, state=ExportState.BUILDING)


def start_own(person):
    assert just_signed_in(person).post(reverse("data_rights:own_export")).status_code == 302
    return DataExport.objects.get(team=None, person=person, state=ExportState.BUILDING)


def file_of(export):
    if export.team is None:
        return reverse("data_rights:own_export_file", args=[export.pk])
    return reverse("data_rights:team_export_file", args=[export.team.slug, export.pk])


def download(export, person, **headers):
    response = browser_of(person).get(file_of(export), headers=headers)
    return response, b"".join(response.streaming_content) if response.streaming else response.content


def opened(export, person):
    _, data = download(export, person)
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    return archive


# -- what is in it


def test_a_teams_export_holds_everything_of_it(team, owner):
    clip = ready_clip(team, prompt="A boat on a lake")
    key, plain = create_api_key(actor=factories.actor_for(team), name="Website", scopes=["read"])
    other = ready_clip(paying_team(), b"foreign", prompt="Somebody else's")
    export = start(team)

    run_until_done(export)
    archive = opened(export, owner)

    folder = f"clips/{clip.created_at:%Y-%m-%d}-{clip.pk}"
    assert archive.read(f"{folder}/video.mp4") == b"videovideo"
    assert archive.read(f"{folder}/last_frame.jpg") == b"videolast_frame"
    assert json.loads(archive.read(f"{folder}/recipe.json"))["input"]["prompt"] == "A boat on a lake"
    assert archive.read(f"pictures/{clip.image_id}.jpg") == b"picture"
    assert json.loads(archive.read("profile.json"))["members"][0]["email"] == owner.email
    statement = list(csv.DictReader(io.StringIO(archive.read("statement/statement-0001.csv").decode())))
    assert [line["what"] for line in statement][-1] == "Credit given"
    assert "team.created" in archive.read("records/accounts-auditevent-0001.csv").decode()
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Website" in everything
    assert key.secret_hash.encode() not in everything
    assert plain.encode() not in everything
    assert str(other.pk).encode() not in everything
    assert b"Somebody else" not in everything


def test_the_manifest_names_every_file_with_its_hash(team, owner):
    ready_clip(team)
    export = start(team)
    run_until_done(export)
    archive = opened(export, owner)

    listed = {each["name"]: each for each in json.loads(archive.read("manifest.json"))["files"]}

    assert {*listed, "manifest.json"} == set(archive.namelist())
    for name, facts in listed.items():
        content = archive.read(name)
        assert facts["size"] == len(content)
        assert facts["sha256"] == hashlib.sha256(content).hexdigest()


def test_ones_own_export_is_about_oneself(team, owner):
    person = factories.make_member(team, "editor")
    mine, theirs = ready_clip(team, b"mine"), ready_clip(team, b"theirs", seed=7)
    type(mine).objects.filter(pk=mine.pk).update(created_by=person)
    export = start_own(person)

    run_until_done(export)
    archive = opened(export, person)

    profile = json.loads(archive.read("profile.json"))
    assert profile["person"]["email"] == person.email
    assert "password" not in profile["person"]
    assert [each["name"] for each in profile["teams"]] == ["Lumen"]
    assert archive.read(f"clips/{mine.created_at:%Y-%m-%d}-{mine.pk}/video.mp4") == b"minevideo"
    assert not [name for name in archive.namelist() if str(theirs.pk) in name]
    assert browser_of(owner).get(file_of(export)).status_code == 404


def test_files_that_were_deleted_leave_the_recipe(team, owner):
    clip = ready_clip(team)
    type(clip).objects.filter(pk=clip.pk).update(media_deleted_at=timezone.now())
    default_storage.delete(str(clip.image.file.name))
    export = start(team)

    run_until_done(export)

    names = [name for name in opened(export, owner).namelist() if "clips/" in name or "pictures/" in name]
    assert [name.rpartition("/")[2] for name in names] == ["recipe.json"]


# -- how it is made


def test_it_is_made_in_many_steps_that_survive_crashes_and_repetition(team, owner, monkeypatch):
    """Each step is cut after one group, the storage fails now and then, and a step that was done runs again."""
    for seed in range(3):
        ready_clip(team, b"%d" % seed, seed=seed)
    monkeypatch.setattr(exports, "STEP_SECONDS", 0)
    export = start(team)
    keep, calls = default_storage.save, []

    def unsteady(name, content):
        calls.append(name)
        if len(calls) % 3 == 0:
            raise OSError("no space")
        return keep(name, content)

    monkeypatch.setattr(default_storage, "save", unsteady)
    for _ in range(300):
        try:
            tasks.export_step(export_id=str(export.pk))
        except OSError:
            DataExport.objects.filter(pk=export.pk).update(leased_until=None)
        export.refresh_from_db()
        if not export.is_building:
            break
    tasks.export_step(export_id=str(export.pk))  # late

    assert export.is_ready
    assert export.parts.count() > 10
    assert export.items_done == export.items == 6
    archive = opened(export, owner)
    assert len(archive.namelist()) == len(set(archive.namelist())) == export.files


def test_two_workers_do_not_write_the_same_piece(team):
    export = start(team)
    DataExport.objects.filter(pk=export.pk).update(leased_until=timezone.now() + timedelta(minutes=5))

    tasks.export_step(export_id=str(export.pk))

    assert not export.parts.exists()


def test_a_step_that_always_fails_ends_the_export_and_says_so(team, monkeypatch):
    export = start(team)

    def full(name, content):
        raise OSError("no space")

    monkeypatch.setattr(default_storage, "save", full)
    for _ in range(exports.ATTEMPTS):
        with pytest.raises(OSError, match="no space"):
            tasks.export_step(export_id=str(export.pk))
        DataExport.objects.filter(pk=export.pk).update(leased_until=None)
    tasks.export_step(export_id=str(export.pk))
    tasks.tell_about_export(export_id=str(export.pk))

    export.refresh_from_db()
    assert export.state == ExportState.FAILED
    assert "could not be made" in mail.outbox[0].subject


# -- fetching it


def test_a_download_can_be_gone_on_with(team, owner, monkeypatch):
    ready_clip(team, b"x" * 5000)
    monkeypatch.setattr(exports, "STEP_SECONDS", 0)
    export = start(team)
    run_until_done(export)
    _, whole = download(export, owner)

    response, part = download(export, owner, range="bytes=1000-4000")
    beyond, _ = download(export, owner, range="bytes=999999999-")

    assert (response.status_code, part) == (206, whole[1000:4001])
    assert response["Content-Range"] == f"bytes 1000-4000/{len(whole)}"
    assert export.size == len(whole)
    assert beyond.status_code == 416
    assert response["Content-Disposition"].startswith('attachment; filename="lumen-')


def test_nobody_else_gets_it(team):
    export = start(team)
    run_until_done(export)

    assert browser_of(None).get(file_of(export)).status_code == 302
    assert browser_of(factories.make_member(team, "admin")).get(file_of(export)).status_code == 403
    assert browser_of(factories.make_user()).get(file_of(export)).status_code == 404


def test_an_export_needs_a_recent_sign_in(team, owner):
    response = signed_in_long_ago(owner).post(reverse("data_rights:team_export", args=[team.slug]))

    assert "next=" in response["Location"]
    assert not DataExport.objects.exists()


def test_one_at_a_time_and_a_few_a_day(team, owner, settings):
    settings.EXPORTS_A_DAY = 2
    browser = just_signed_in(owner)
    path = reverse("data_rights:team_export", args=[team.slug])

    for _ in range(2):
        browser.post(path)
    assert DataExport.objects.count() == 1
    for _ in range(2):
        run_until_done(DataExport.objects.latest("created_at"))
        last = browser.post(path)

    assert DataExport.objects.count() == 2
    assert last.status_code == 422
    assert "At most 2 exports" in last.content.decode()
    assert AuditEvent.objects.filter(action="export.started", team=team).count() == 2


def test_it_is_told_once_and_removed_after_a_week(team, owner):
    ready_clip(team)
    export = start(team)
    run_until_done(export)
    for _ in range(2):
        tasks.tell_about_export(export_id=str(export.pk))
    assert [email.to for email in mail.outbox] == [[owner.email]]

    DataExport.objects.update(expires_at=timezone.now())
    tasks.sweep()

    export.refresh_from_db()
    assert export.state == ExportState.EXPIRED
    assert browser_of(owner).get(file_of(export)).status_code == 404
    assert default_storage.listdir("exports") == ([], [])


def test_the_page_shows_how_far_it_is(team, owner):
    browser = just_signed_in(owner)
    page = reverse("data_rights:team_data", args=[team.slug])
    export = start(team)

    html = browser.get(page, headers={"HX-Request": "true"}).content.decode()
    assert 'hx-trigger="every 3s"' in html
    assert "<html" not in html
    run_until_done(export)
    html = browser.get(page).content.decode()

    assert "every 3s" not in html
    assert file_of(export) in html


def paying_team():
    team = factories.make_team()
    factories.give_credits(team)
    return team
