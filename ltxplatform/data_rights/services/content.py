"""What an export holds, section by section, each read in small groups from a place on.

Tables are found, not listed: whatever belongs to a team or names a person joins by itself, without secrets. What is
left out is named here with its reason.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from allauth.account.models import EmailAddress
from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Field, ForeignKey, Model, Q, QuerySet

from accounts.csv_export import csv_lines
from accounts.models import Membership, Team, User
from billing.services.statement_pages import Filter, statement_page
from billing.statement_views import HEAD, statement_rows
from generations.models import Generation, Image
from generations.recipe import recipe_of

APPS: Final = ("accounts", "billing", "generations")
ROWS: Final = 1000
# No reader needs them, and a thief would.
SECRET: Final = re.compile(
    r"secret|hash|password|token|_url$|stripe_id|payment_method|checkout|^charge$|intent"
)
# Notes that staff write for staff, and what only the platform's machinery reads.
LEFT_OUT: Final = frozenset(
    {
        "failure_detail",
        "suspended",
        "logs",
        "due_at",
        "nudged_at",
        "leased_until",
        "database_xid",
        "request_hash",
    }
)
# A visit of staff belongs to the team and to the person whose view it was, not to the visitor.
NOT_THEIRS: Final = frozenset({"staff"})
FILES: Final = ("video", "poster", "preview", "last_frame")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data: a team's, or without one what concerns the person."""

    person: User
    team: Team | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One file of the archive: its name there, and either its bytes or where the storage has it."""

    name: str
    content: bytes = b""
    stored: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Files that belong together, and the place after them; `counts` of the expected items are done with it."""

    items: list[Item]
    after: list[Any]
    counts: int = 0


Section = Callable[[Subject, list[Any]], Iterator[Group]]


def sections_of(subject: Subject) -> dict[str, Section]:
    """The sections by name, in their order; the same names while the release stays."""
    found: dict[str, Section] = {"about": _about}
    for model in _tables(subject):
        found[f"records/{model._meta.label_lower}"] = _records(model)
    if subject.team is not None:
        found["statement"] = _statement
    return {**found, "pictures": _pictures, "clips": _clips}


def expected(subject: Subject) -> int:
    """How many clips and pictures there are: what takes the time."""
    return clips_of(subject).count() + pictures_of(subject).count()


def clips_of(subject: Subject) -> QuerySet[Generation]:
    if subject.team is not None:
        return Generation.objects.filter(team=subject.team)
    return Generation.objects.filter(created_by=subject.person, team__memberships__user=subject.person)


def pictures_of(subject: Subject) -> QuerySet[Image]:
    if subject.team is not None:
        return Image.objects.filter(team=subject.team)
    return Image.objects.filter(uploaded_by=subject.person, team__memberships__user=subject.person)


def _about(subject: Subject, after: list[Any]) -> Iterator[Group]:
    team, person = subject.team, subject.person
    if team is not None:
        members = Membership.objects.filter(team=team).select_related("user").order_by("created_at")
        facts: dict[str, Any] = {
            "team": {"name": team.name, "short_name": team.slug, "created_at": team.created_at},
            "members": [
                {
                    "name": each.user.name,
                    "email": each.user.email,
                    "role": each.role,
                    "since": each.created_at,
                }
                for each in members
            ],
        }
    else:
        memberships = Membership.objects.filter(user=person).select_related("team").order_by("created_at")
        addresses = EmailAddress.objects.filter(user=person).values("email", "verified", "primary")
        facts = {
            "person": _row(person, _fields(User)),
            "addresses": list(addresses),
            "teams": [
                {"name": each.team.name, "role": each.role, "since": each.created_at} for each in memberships
            ],
        }
    if not after:
        yield Group([Item("profile.json", _json(facts))], ["done"])


def _tables(subject: Subject) -> list[type[Model]]:
    models = (model for app in APPS for model in apps.get_app_config(app).get_models())
    return [model for model in models if model not in {Team, User} and _whose(model, subject) is not None]


def _whose(model: type[Model], subject: Subject) -> Q | None:
    """Which rows are the subject's; None for a table that has none."""
    keys = [field for field in model._meta.concrete_fields if isinstance(field, ForeignKey)]
    of_team = any(field.name == "team" for field in keys)
    if subject.team is not None:
        return Q(team=subject.team) if of_team else None
    people = [field.name for field in keys if field.related_model is User and field.name not in NOT_THEIRS]
    if not people:
        return None
    own = Q()
    for name in people:
        own |= Q(**{name: subject.person})
    # What was done in a team belongs to it, also after one has left; one's own deeds stay one's own.
    still_in = Q(team=None) | Q(team__in=Team.objects.filter(members=subject.person))
    return own & still_in if of_team else own


def _records(model: type[Model]) -> Section:
    fields = _fields(model)
    name = model._meta.label_lower.replace(".", "-")

    def section(subject: Subject, after: list[Any]) -> Iterator[Group]:
        number, last = after or [0, None]
        whose = _whose(model, subject)
        while True:
            rows = model._base_manager.filter(whose or Q(pk=None)).order_by("pk")
            found = list(rows.filter(pk__gt=last)[:ROWS] if last is not None else rows[:ROWS])
            if not found:
                return
            number, last = number + 1, found[-1].pk
            text = csv_lines([field.attname for field in fields], (_cells(row, fields) for row in found))
            content = "".join(text).encode()
            yield Group([Item(f"records/{name}-{number:04}.csv", content)], [number, _plain(last)])

    return section


def _statement(subject: Subject, after: list[Any]) -> Iterator[Group]:
    assert subject.team is not None  # noqa: S101 - only teams have this section
    number, cursor = after or [0, ""]
    while cursor is not None:
        page = statement_page(team=subject.team, wanted=Filter(), cursor=cursor, size=ROWS)
        number, cursor = number + 1, page.older
        content = "".join(csv_lines(HEAD, statement_rows(iter(page.lines)))).encode()
        yield Group([Item(f"statement/statement-{number:04}.csv", content)], [number, cursor])


def _pictures(subject: Subject, after: list[Any]) -> Iterator[Group]:
    rows = pictures_of(subject).order_by("pk")
    for picture in (rows.filter(pk__gt=after[0]) if after else rows).iterator(chunk_size=100):
        name = f"pictures/{picture.pk}{_ending(picture.file.name)}"
        yield Group([Item(name, stored=str(picture.file.name))], [str(picture.pk)], counts=1)


def _clips(subject: Subject, after: list[Any]) -> Iterator[Group]:
    rows = clips_of(subject).select_related("image").order_by("pk")
    for clip in (rows.filter(pk__gt=after[0]) if after else rows).iterator(chunk_size=100):
        folder = f"clips/{clip.created_at:%Y-%m-%d}-{clip.pk}"
        items = [Item(f"{folder}/recipe.json", _json(recipe_of(clip)))]
        if clip.media_deleted_at is None:
            names = {field: str(getattr(clip, field).name or "") for field in FILES}
            items += [
                Item(f"{folder}/{field}{_ending(name)}", stored=name) for field, name in names.items() if name
            ]
        yield Group(items, [str(clip.pk)], counts=1)


def _fields(model: type[Model]) -> list["Field[Any, Any]"]:
    return [
        field
        for field in model._meta.concrete_fields
        if not SECRET.search(field.name) and field.name not in LEFT_OUT
    ]


def _row(row: Model, fields: list["Field[Any, Any]"]) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in fields}


def _cells(row: Model, fields: list["Field[Any, Any]"]) -> list[object]:
    return [_cell(getattr(row, field.attname)) for field in fields]


def _cell(value: Any) -> object:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _json(facts: Any) -> bytes:
    return json.dumps(facts, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder).encode()


def _plain(pk: Any) -> Any:
    return pk if isinstance(pk, (int, str)) else str(pk)


def _ending(name: str | None) -> str:
    return f".{name.rpartition('.')[2]}" if name and "." in name else ""
