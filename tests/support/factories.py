"""Rows for tests, made through the product's own services where they exist."""

import io
import itertools
import uuid
from typing import Any

from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.actors import Actor, member_actor, system_actor
from accounts.models import Invitation, Membership, Team, User
from accounts.services import add_member, create_team, invite
from billing.services import grant_promo
from generations.models import Batch, BatchKind, Generation, Image
from generations.parameters import ClipParams
from generations.services import Order, store_image, submit_batch, submit_generation
from tests.support.pictures import photograph

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def make_user(email: str = "", **fields: Any) -> User:
    return User.objects.create_user(email or f"person{next(_numbers)}@example.com", PASSWORD, **fields)


def make_confirmed_user(email: str = "", **fields: Any) -> User:
    """Somebody who can sign in by the form: the address is confirmed."""
    user = make_user(email, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def make_team(owner: User | None = None, *, name: str = "") -> Team:
    owner = owner or make_user()
    return create_team(owner=owner, name=name or f"Team {next(_numbers)}")


def make_member(team: Team, role: str) -> User:
    user = make_user()
    add_member(team=team, user=user, role=role)
    return user


def make_invitation(
    team: Team, email: str = "", *, by: User | None = None, role: str = "editor"
) -> Invitation:
    """Its e-mail waits in the queue."""
    address = email or f"guest{next(_numbers)}@example.com"
    outcome = invite(actor=actor_for(team, by), addresses=[address], role=role, now=timezone.now())
    return outcome.invitations[0]


def owner_of(team: Team) -> User:
    return team.memberships.select_related("user").get(role="owner").user


def actor_for(team: Team, user: User | None = None) -> Actor:
    user = user or owner_of(team)
    return member_actor(Membership.objects.select_related("team", "user").get(team=team, user=user))


def give_credits(team: Team, amount: int = 10_000_000) -> None:
    """Promo credits in µ$."""
    grant_promo(
        team=team, amount=amount, key=f"test:{uuid.uuid4()}", actor=system_actor(team).label, reason="test"
    )


def make_image(team: Team, *, width: int = 640, height: int = 360, seed: int = 1) -> Image:
    return store_image(
        actor=actor_for(team), upload=io.BytesIO(photograph(width, height, seed)), name="photo.jpg"
    )


def make_generation(team: Team, *, image: Image | None = None, key: str = "", **params: Any) -> Generation:
    """A queued clip of the team's owner; the team needs credits."""
    settings: dict[str, Any] = {
        "prompt": "A boat drifts over a calm lake",
        "num_frames": 9,
        "resolution": "480p",
    }
    return submit_generation(
        actor=actor_for(team),
        image_id=(image or make_image(team)).pk,
        params=ClipParams(**{**settings, **params}),
        idempotency_key=key or str(uuid.uuid4()),
        now=timezone.now(),
    ).generation


def make_batch(team: Team, *, image: Image | None = None, clips: int = 2, **params: Any) -> Batch:
    """Queued clips of the team's owner that differ in their seeds; the team needs credits."""
    image = image or make_image(team)
    settings = {"prompt": "A boat drifts over a calm lake", "num_frames": 9, "resolution": "480p", **params}
    return submit_batch(
        actor=actor_for(team),
        kind=BatchKind.SEEDS,
        orders=[Order(image.pk, ClipParams(**{**settings, "seed": seed})) for seed in range(clips)],
        idempotency_key=str(uuid.uuid4()),
        now=timezone.now(),
    ).batch
