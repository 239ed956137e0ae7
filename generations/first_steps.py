"""The first steps of a new team: each ticks itself from what is there, none is ever set by hand."""

from dataclasses import dataclass
from typing import Final

from allauth.account.models import EmailAddress
from django.db.models import Exists, Q
from django.urls import NoReverseMatch, reverse

from accounts.actors import Actor
from accounts.models import ApiKey, Membership, Team
from accounts.permissions import BILLING_MANAGE, GENERATIONS_CREATE, KEYS_MANAGE, MEMBERS_MANAGE
from billing.models import Purchase, PurchaseState
from generations.models import Generation, Image
from generations.states import Status


@dataclass(frozen=True, slots=True)
class Step:
    """`view` is where it is done; `is_post` when pressing it does something at once."""

    key: str
    label: str
    why: str
    action: str
    view: str
    permission: str = ""
    is_post: bool = False


@dataclass(frozen=True, slots=True)
class ShownStep:
    step: Step
    done: bool
    url: str


STEPS: Final = (
    Step(
        "verified",
        "Confirm your e-mail address",
        "So that you can reset your password and receive e-mails.",
        "Open addresses",
        "account_email",
    ),
    Step(
        "pictured",
        "Pick a picture",
        "Any photo or drawing will do. If you have none at hand, use our sample.",
        "Use the sample",
        "generations:sample",
        GENERATIONS_CREATE,
        is_post=True,
    ),
    Step(
        "paid",
        "Buy credit",
        "A clip takes its price from the team's credit, and only when it arrives.",
        "Buy credit",
        "billing:home",
        BILLING_MANAGE,
    ),
    Step(
        "made",
        "Create your first clip",
        "A sentence says what happens in the picture. The price is on the button.",
        "Create a clip",
        "generations:create",
        GENERATIONS_CREATE,
    ),
    Step(
        "together",
        "Invite somebody",
        "A team shares its balance, pictures and clips.",
        "Invite people",
        "accounts:members",
        MEMBERS_MANAGE,
    ),
    Step(
        "keyed",
        "Create an API key",
        "For programs that make clips.",
        "Create a key",
        "accounts:keys",
        KEYS_MANAGE,
    ),
)


def first_steps(actor: Actor) -> list[ShownStep]:
    """The steps the member may take, in one query; empty once all are done, and for whoever put them away."""
    team = actor.team
    own = Membership.objects.filter(team=team, user=actor.user)
    facts = (
        Team.objects.filter(pk=team.pk)
        .annotate(
            hidden=Exists(own.filter(first_steps_hidden=True)),
            verified=Exists(EmailAddress.objects.filter(user=actor.user, verified=True)),
            pictured=Exists(Image.objects.filter(team=team)),
            made=Exists(Generation.objects.filter(team=team, status=Status.SUCCEEDED)),
            together=Exists(Membership.objects.filter(~Q(user=actor.user), team=team)),
            keyed=Exists(ApiKey.objects.filter(team=team)),
            paid=Exists(Purchase.objects.filter(team=team, state=PurchaseState.PAID)),
        )
        .values("hidden", *(step.key for step in STEPS))
        .get()
    )
    if facts["hidden"]:
        return []
    shown = [
        ShownStep(step, done=facts[step.key], url=url)
        for step in STEPS
        if (not step.permission or actor.may(step.permission)) and (url := _url(step, team))
    ]
    return [] if all(each.done for each in shown) else shown


def _url(step: Step, team: Team) -> str:
    """Empty where there is no such page."""
    try:
        return reverse(step.view, args=[team.slug] if step.view != "account_email" else [])
    except NoReverseMatch:
        return ""
