"""What is done when a deletion is due. Each call is one bounded part; the rows say what is left.

Whatever belongs to a team or names a person and is not listed here goes altogether, also of parts of the platform
that join later. What is listed stays without its words, because books, costs and the audit log name it.
"""

from contextlib import suppress
from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

import structlog
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import (
    CASCADE,
    CharField,
    EmailField,
    F,
    Model,
    ProtectedError,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.functions import Replace
from django.utils import timezone

from accounts.audit import record
from accounts.models import ApiKey, AuditEvent, Membership, Role, StaffSession, StaffVisit, Team, User
from billing.models import (
    Account,
    Debt,
    Hold,
    Limit,
    Lot,
    Payment,
    Purchase,
    RaiseRequest,
    Recharge,
    RechargeRule,
    StripeCustomer,
    Transaction,
    UsageDay,
)
from billing.services.closing import forfeit_credits, forget_requests_of, forget_team, why_not_close
from generations.models import Batch, Generation, Image, MemberLine
from generations.services import erasure
from ltxplatform.data_rights.models import DataExport, Deletion
from ltxplatform.data_rights.services.exports import remove_files, send_email

logger = structlog.get_logger(__name__)

APPS: Final = ("accounts", "billing", "generations")
BOOKS: Final = frozenset(
    {
        Account,
        Transaction,
        Hold,
        Lot,
        UsageDay,
        Debt,
        Purchase,
        Payment,
        Recharge,
        RechargeRule,
        StripeCustomer,
    }
)
# Rows that stay after a team, their words erased one by one below or by the apps' own services.
KEPT_OF_TEAM: Final[frozenset[type[Model]]] = BOOKS | {
    Limit,
    RaiseRequest,
    AuditEvent,
    StaffSession,
    ApiKey,
    Membership,  # goes last: its people are told first
    Generation,
    Image,
    Batch,
    DataExport,
    Deletion,
}
# Rows that name a person and stay: they belong to teams, or to the log.
KEPT_OF_PERSON: Final[frozenset[type[Model]]] = frozenset({ApiKey, AuditEvent, MemberLine, StaffSession})
# Rows whose words only the database's own functions may erase, and those that are people and teams themselves.
UNTOUCHED: Final[frozenset[type[Model]]] = frozenset({AuditEvent, StaffVisit, User, Team})
SHORTEST_NAME: Final = 5


class Progress(Enum):
    """MORE: go on at once. WAIT: something outside has to end first. DONE: nothing is left."""

    MORE = "more"
    WAIT = "wait"
    DONE = "done"


def team_step(*, team: Team, deletion_id: UUID, now: datetime) -> Progress:
    """The next part of ending a team: jobs, files, then all the rest at once. Raises what the storage raises."""
    for export in DataExport.objects.filter(team=team):
        remove_files(export)
        export.delete()
    if erasure.cancel_all(team=team) or why_not_close(team):
        return Progress.WAIT
    if erasure.erase_clips(team=team, now=now) or erasure.erase_pictures(team=team):
        return Progress.MORE
    for reader in readers(team):
        _say_goodbye(reader, team)
    _end_team(team, deletion_id, now)
    return Progress.DONE


def person_step(*, person: User) -> Progress:
    """End an account whose own teams are gone."""
    for export in DataExport.objects.filter(person=person):
        remove_files(export)
        export.delete()
    _say_goodbye(person, None)
    _end_sessions(person)
    _end_person(person)
    return Progress.DONE


def readers(team: Team) -> list[User]:
    """The owners: who hears about the team's end."""
    owners = User.objects.filter(is_active=True, memberships__team=team, memberships__role=Role.OWNER)
    return list(owners.distinct())


@transaction.atomic
def _end_team(team: Team, deletion_id: UUID, now: datetime) -> None:
    forfeited = forfeit_credits(team=team, key=f"deletion:{deletion_id}", now=now)
    erasure.erase_rest(team_id=team.pk)
    forget_team(team.pk, now=now)
    _end_keys(ApiKey.objects.filter(team=team))
    StaffSession.objects.filter(team=team).update(reason="")
    for model in (model for app in APPS for model in apps.get_app_config(app).get_models()):
        if model not in KEPT_OF_TEAM and _names_team(model):
            _remove(model, team)
    _run("SELECT accounts_forget_team(%s)", team.pk)
    # Otherwise the database keeps the last owner.
    _run("SELECT set_config('accounts.ending_team', %s, true)", str(team.pk))
    Membership.objects.filter(team=team).delete()
    Team.objects.filter(pk=team.pk).update(name="Deleted team", slug=f"deleted-{team.pk.hex}", ends_at=now)
    record("team.deleted", by=None, team=team, name="Deleted team", new={"credit_forfeited": forfeited})


@transaction.atomic
def _end_person(person: User) -> None:
    words = [person.email, *EmailAddress.objects.filter(user=person).values_list("email", flat=True)]
    words += [person.name] if len(person.name) >= SHORTEST_NAME else []
    _end_keys(ApiKey.objects.filter(created_by=person))
    forget_requests_of(person.pk)
    StaffSession.objects.filter(person=person).update(reason="")
    for relation in User._meta.related_objects:
        model = relation.related_model
        if isinstance(model, str) or model in KEPT_OF_PERSON:
            continue
        if relation.on_delete is CASCADE:
            model._base_manager.filter(**{relation.field.name: person}).delete()
    _take_out(words)
    _run("SELECT accounts_forget_person(%s)", person.pk)
    _run("SELECT accounts_forget_words(%s::text[])", words)
    person.email, person.name = f"deleted-{person.pk}@deleted.invalid", ""
    person.is_active = person.is_staff = person.is_superuser = False
    person.last_login = person.last_team = None
    person.set_unusable_password()
    person.save()
    record("user.deleted", by=None, about=person, name="Deleted person")


def _take_out(words: list[str]) -> None:
    """Where others keep the person's address or name: rows sent to it go, sentences about it lose it."""
    for model in (
        model for app in ("accounts", "billing") for model in apps.get_app_config(app).get_models()
    ):
        if model in BOOKS or model in UNTOUCHED:
            continue
        for field in model._meta.concrete_fields:
            if isinstance(field, EmailField):
                model._base_manager.filter(**{f"{field.name}__in": words}).delete()
            elif isinstance(field, (CharField, TextField)) and not field.choices and not field.unique:
                for word in words:
                    rows = model._base_manager.filter(**{f"{field.name}__contains": word})
                    # Never longer than what it replaces: columns have their limits.
                    rows.update(**{field.name: Replace(F(field.name), Value(word), Value("…"))})


def _end_keys(keys: QuerySet[ApiKey]) -> None:
    keys.filter(revoked_at=None).update(revoked_at=timezone.now())
    keys.update(name="Deleted key", previous_hash="", networks=[])


def _names_team(model: type[Model]) -> bool:
    return any(field.name == "team" and field.related_model is Team for field in model._meta.concrete_fields)


def _remove(model: type[Model], team: Team) -> None:
    """Delete the team's rows; where books name them, empty their words instead."""
    rows = model._base_manager.filter(team=team)
    with suppress(ProtectedError), transaction.atomic():
        rows.delete()
        return
    logger.warning("rows_kept_without_words", model=model._meta.label)
    words = [
        field.attname
        for field in model._meta.concrete_fields
        if field.get_internal_type() in {"CharField", "TextField"} and not field.choices and not field.unique
    ]
    rows.update(**dict.fromkeys(words, ""))


def _end_sessions(person: User) -> None:
    """Of all browsers. They ended with the password anyway; what is stored of them goes here."""
    for session in Session.objects.iterator(chunk_size=500):
        if session.get_decoded().get("_auth_user_id") == str(person.pk):
            session.delete()


def _say_goodbye(reader: User, team: Team | None) -> None:
    """A mail server that is away does not keep what is to be deleted."""
    try:
        send_email("deleted", reader.email, {"team": team})
    except OSError:
        logger.exception("deletion_not_told", person=reader.pk)


def _run(statement: str, value: int | str | UUID | list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [value])
