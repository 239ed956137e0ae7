"""Two teams with something to lose, everybody who might reach for it, and a picture of all rows."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, Invitation, Project, Role, Team, User
from accounts.permissions import SCOPE_PERMISSIONS
from accounts.services import create_project
from billing.models import Payment, Purchase, RaiseRequest
from billing.services import credit_purchase, set_limit, start_purchase
from billing.services.raise_requests import ask_for_more
from generations.models import Batch, Generation, Image, Submission
from ltxplatform.data_rights.models import DataExport, ExportState
from tests.support import factories
from tests.support.api import ApiClient, make_key

WATCHED = ("accounts", "account", "billing", "generations", "data_rights", "mfa", "django_q")
# Visits leave these behind, refused ones too.
TRACES = {"last_login", "last_team_id", "last_used_at", "last_seen_at"}


@dataclass
class World:
    """The first team with one row of everything, and its people by role."""

    team: Team
    clip: Generation
    batch: Batch
    key: ApiKey
    submission: Submission
    people: dict[str, User]
    purchase: Purchase
    request: RaiseRequest
    export: DataExport
    invitation: Invitation
    project: Project

    slug = property(lambda self: self.team.slug)
    clip_id = property(lambda self: self.clip.pk)
    batch_id = property(lambda self: self.batch.pk)
    image_id = property(lambda self: self.clip.image_id)
    member_id = property(lambda self: self.people["editor"].pk)
    invitation_id = property(lambda self: self.invitation.pk)
    purchase_id = property(lambda self: self.purchase.pk)
    limit_id = property(lambda self: self.request.limit_id)
    request_id = property(lambda self: self.request.pk)
    export_id = property(lambda self: self.export.pk)
    project_id = property(lambda self: self.project.pk)
    key_id = property(lambda self: self.key.pk)
    webhook_token = property(lambda self: self.submission.token)
    token: str = "forged"
    name: str = "clip.mp4"
    word: str = "abc"
    number: int = 1
    email: str = "account/email/password_set"
    model_id: str = "fal-ai/ltxv-13b-098-distilled/image-to-video"

    def arguments(self, names: dict[str, str]) -> dict[str, Any]:
        return {argument: getattr(self, attribute) for argument, attribute in names.items()}


def make_world() -> World:
    team = factories.make_team()
    factories.give_credits(team)
    clip = factories.make_generation(team, image=picture_of(team))
    batch = factories.make_batch(team, image=clip.image, clips=1)
    submission = Submission.objects.create(generation=clip, number=1, request_id=str(uuid4()))
    key, _ = make_key(team)
    people = {"owner": factories.owner_of(team)}
    people |= {role: factories.make_member(team, role) for role in Role.values if role != "owner"}
    limit = set_limit(team=team, member=people["editor"], period="day", cap=200_000)
    editor = factories.actor_for(team, people["editor"])
    request = ask_for_more(actor=editor, limit_id=limit.pk, amount=100_000, reason="A second take")
    return World(
        team,
        clip,
        batch,
        key,
        submission,
        people,
        make_purchase(team),
        request,
        export_of(team, people["owner"]),
        factories.make_invitation(team),
        create_project(actor=factories.actor_for(team), name="Spring"),
    )


def export_of(team: Team, owner: User) -> DataExport:
    """Ready, and empty."""
    return DataExport.objects.create(
        team=team, person=owner, state=ExportState.READY, size=22, expires_at=timezone.now() + timedelta(1)
    )


def make_purchase(team: Team) -> Purchase:
    """Paid, so that its page asks Stripe nothing."""
    purchase = start_purchase(team=team, credit=25_000_000, actor="test")
    Payment.objects.create(purchase=purchase, team=team, form_key=uuid4())
    credit_purchase(purchase=purchase, actor="test", now=timezone.now())
    return purchase


def picture_of(team: Team) -> Image:
    """A row alone: what is tested here opens no file, and decoding one costs most of a second."""
    return Image.objects.create(
        team=team,
        file="a.jpg",
        thumbnail="b.jpg",
        sha256=uuid4().hex,
        source_sha256=uuid4().hex,
        width=640,
        height=360,
        size=1000,
        content_type="image/jpeg",
    )


def browser_of(user: User | None, **options: Any) -> Client:
    client = Client(raise_request_exception=False, **options)
    if user is not None:
        client.force_login(user)
    return client


def program_of(team: Team, user: User, scopes: list[str] | None = None) -> ApiClient:
    _, plain = make_key(team, user, scopes=scopes if scopes is not None else list(SCOPE_PERMISSIONS))
    return ApiClient(plain)


def everything(*, without: tuple[str, ...] = ()) -> str:
    """A picture of every row of the apps and of the queue, without the traces of a mere visit: one statement.

    `without` leaves out tables by name.
    """
    with connection.cursor() as cursor:
        cursor.execute(_picture())
        # In any order: the tables may be read by several workers of the database.
        return str(sorted(row for row in cursor.fetchall() if row[0] not in without))


@cache
def _picture() -> str:
    """How many rows each table has, and a sum of their contents' hashes."""
    tables = [model._meta.db_table for label in WATCHED for model in apps.get_app_config(label).get_models()]
    traces = ",".join(sorted(TRACES))
    each = (  # our own tables' names
        f"SELECT '{table}', count(*), sum(hashtextextended((to_jsonb(t) - '{{{traces}}}'::text[])::text, 0)::numeric) "  # noqa: S608
        f"FROM {table} AS t"
        for table in tables
    )
    return " UNION ALL ".join(each)
