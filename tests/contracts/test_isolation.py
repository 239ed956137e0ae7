"""Two full teams, and thousands of requests in which the ids of one are swapped for those of the other.

Nothing of the other team may come back, nothing of it may change, and nothing may break. ISOLATION_SEED repeats a run,
ISOLATION_REQUESTS makes it longer.
"""

import json
import os
import random
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey, Team, User
from generations.media_links import media_url
from generations.models import Batch, Generation, Image
from tests.contracts.access import ACCESS
from tests.contracts.cast import EVERY_SCOPE
from tests.contracts.conftest import undone
from tests.contracts.world import TRACES, WATCHED, World, browser_of, make_world
from tests.support.api import ApiClient, make_key

SEED = int(os.environ.get("ISOLATION_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
REQUESTS = int(os.environ.get("ISOLATION_REQUESTS", "2000"))
# Their rows are looked at after each write that was answered, and otherwise once in so many requests.
CHECKED_EVERY = 50
CANARY = "otherteamscanary"
# Where ids go: query parameters, form fields and members of bodies, by what they name.
FIELDS = {
    "clip": ("from", "watch", "parent", "before", "after", "generation", "cursor"),
    "image": ("image", "images", "picture"),
    "batch": ("batch",),
    "project": ("project",),
    "key": ("key", "api_key"),
    "member": ("member", "person", "user"),
    "limit": ("limit", "id"),
    "invitation": ("invitation",),
    "export": ("export",),
}
NAMES = [name for names in FIELDS.values() for name in names]


@dataclass
class Side:
    """One of the two teams: its world, who acts in it, and everything that names something of it."""

    world: World
    browser: Client
    program: ApiClient
    ids: dict[str, list[str]] = field(default_factory=dict)

    @property
    def every_id(self) -> list[str]:
        return [each for ids in self.ids.values() for each in ids]


@dataclass
class Sides:
    ours: Side
    theirs: Side


def make_side(word: str) -> Side:
    world = make_world()
    team = world.team
    _mark(world, word)
    ids = {
        "clip": [str(pk) for pk in Generation.objects.filter(team=team).values_list("pk", flat=True)],
        "image": [str(pk) for pk in Image.objects.filter(team=team).values_list("pk", flat=True)],
        "batch": [str(world.batch_id)],
        "project": [str(world.project_id), f"project:{world.project_id}"],
        "key": [str(pk) for pk in ApiKey.objects.filter(team=team).values_list("pk", flat=True)],
        "member": [str(user.pk) for user in world.people.values()],
        "limit": [str(world.limit_id), str(world.request_id), str(world.purchase_id)],
        "invitation": [str(world.invitation_id)],
        "export": [str(world.export_id)],
    }
    ids["key"] += [f"key:{pk}" for pk in ids["key"]]
    ids["member"] += [f"member:{pk}" for pk in ids["member"]]
    clip = world.clip
    cursor = urlsafe_b64encode(f"{clip.created_at.isoformat()} {clip.pk}".encode()).decode().rstrip("=")
    ids["other"] = [cursor, clip.idempotency_key, world.batch.idempotency_key, world.slug]
    owner = world.people["owner"]
    return Side(world, browser_of(owner), ApiClient(make_key(team, owner, scopes=EVERY_SCOPE)[1]), ids)


def _mark(world: World, word: str) -> None:
    """A word that nothing else contains, wherever somebody of the team has written something."""
    team = world.team
    team.name = f"Team {word}"
    team.save()
    for number, user in enumerate(world.people.values()):
        User.objects.filter(pk=user.pk).update(name=f"{word} {number}")
    for clip in Generation.objects.filter(team=team):
        clip.params["prompt"] = f"{word} sails"
        clip.save()
    ApiKey.objects.filter(team=team).update(name=f"{word} key")
    Batch.objects.filter(team=team).update(name=f"{word} batch")
    Image.objects.filter(team=team).update(original_name=f"{word}.jpg", file=f"{word}-a.jpg")
    world.project.name = f"{word} project"
    world.project.save()
    world.request.reason = f"{word} reason"
    world.request.save()


@pytest.fixture(scope="module")
def sides(once_a_file: None) -> Sides:
    return Sides(make_side("ourownteamsword"), make_side(CANARY))


@pytest.mark.long
def test_no_request_reaches_the_other_team(sides: Sides, db: None, settings) -> None:
    print(f"ISOLATION_SEED={SEED} ISOLATION_REQUESTS={REQUESTS}")
    settings.FAL_API_URL = settings.SANDBOX_URL = "http://127.0.0.1:1"
    dice = random.Random(SEED)
    asker = Asker(sides, dice)
    before = rows_of(sides.theirs)

    for number in range(REQUESTS):
        with undone():
            said, response = asker.ask()
            assert response.status_code < 500 or response.status_code == 503, (number, said)
            text = b"".join(response) if response.streaming else response.content
            # What was sent may be shown again; nothing that only the other team could have told.
            assert CANARY not in text.decode(errors="replace"), (number, said)
            if number % CHECKED_EVERY == 0 or (" GET " not in said and response.status_code < 400):
                assert rows_of(sides.theirs) == before, (number, said)

    assert asker.answered > REQUESTS // 5  # otherwise nothing was really asked


class Asker:
    """Asks as our owner or by our key, with ids of theirs in some places and of ours in the others."""

    def __init__(self, sides: Sides, dice: random.Random) -> None:
        self.ours, self.theirs, self.dice, self.answered = sides.ours, sides.theirs, dice, 0
        levels = ("team", "api", "api", "token")
        self.routes = {
            level: [
                (name, method)
                for name, access in ACCESS.items()
                if access.level == level
                for method in access.methods
            ]
            for level in set(levels)
        }
        self.levels = levels

    def ask(self) -> tuple[str, HttpResponse]:
        level = self.dice.choice(self.levels)
        name, method = self.dice.choice(self.routes[level])
        path = self._media() if level == "token" else self._path(name)
        if self.dice.random() < 0.5:
            path += ("&" if "?" in path else "?") + urlencode(self._fields(2))
        response = self._send(level, method, path)
        self.answered += response.status_code < 400 or response.status_code == 422
        return f"{name} {method} {path}", response

    def _path(self, name: str) -> str:
        arguments = self.ours.world.arguments(ACCESS[name].args)
        theirs = self.theirs.world.arguments(ACCESS[name].args)
        swapped = [argument for argument in arguments if self.dice.random() < 0.5]
        return reverse(name, kwargs={**arguments, **{each: theirs[each] for each in swapped}})

    def _media(self) -> str:
        """Our own signed address with a part of theirs in it."""
        ours, theirs = (media_url(side.world.clip.image, "file") for side in (self.ours, self.theirs))
        pieces, others = re.split(r"([/.:])", ours), re.split(r"([/.:])", theirs)
        place = self.dice.randrange(1, min(len(pieces), len(others)) - 1)
        return "".join([*pieces[:place], *others[place : place + 1], *pieces[place + 1 :]])

    def _send(self, level: str, method: str, path: str) -> HttpResponse:
        if level != "api":
            fields = self._fields(4) if method == "POST" else {}
            return getattr(self.ours.browser, method.lower())(path, fields)
        headers = dict(self.ours.program.headers)
        if self.dice.random() < 0.3:
            headers["Idempotency-Key"] = self.dice.choice(self.theirs.ids["other"])
        body = json.dumps(self._body()) if method != "GET" else ""
        return self.ours.program.client.generic(
            method, path, body, content_type="application/json", headers=headers
        )

    def _fields(self, most: int) -> dict[str, Any]:
        names = self.dice.sample(NAMES, self.dice.randint(1, most))
        return {name: self._id_for(name) for name in names} | self._usual()

    def _body(self) -> Any:
        """A whole order with ids of theirs, or a few members of any kind."""
        order: dict[str, Any] = {"prompt": "A boat", "num_frames": 9, "image": self.ours.ids["image"][0]}
        match self.dice.randrange(5):
            case 0:
                return {**order, "image": self._id_for("image")}
            case 1:
                return {**order, "project": self._id_for("project")}
            case 2:
                return {"kind": "seeds", "count": 1, "input": {**order, "image": self._id_for("image")}}
            case 3:
                return {"subject": self._id_for("member"), "period": "day", "cap": "1"}
            case _:
                return {self.dice.choice(NAMES): self._id_for(self.dice.choice(NAMES)) for _ in range(2)}

    def _id_for(self, name: str) -> str:
        kind = next((kind for kind, names in FIELDS.items() if name in names), "other")
        side = self.theirs if self.dice.random() < 0.8 else self.ours
        return self.dice.choice(side.ids[kind] if self.dice.random() < 0.8 else side.every_id)

    def _usual(self) -> dict[str, Any]:
        """What makes some forms complete, so that more than their first check is reached."""
        usual = {
            "prompt": "A boat",
            "num_frames": "9",
            "name": "x",
            "amount": "1",
            "period": "day",
            "reason": "x",
        }
        subject = {"subject": self._id_for(self.dice.choice(("member", "key", "project")))}
        return {**usual, **subject} if self.dice.random() < 0.4 else {}


def rows_of(side: Side) -> str:
    """A picture of every row of a team, without the traces of a mere visit."""
    with connection.cursor() as cursor:
        cursor.execute(picture_of_rows(), {"team": side.world.team.pk})
        return str(sorted(cursor.fetchall()))


@cache
def picture_of_rows() -> str:
    tables = [
        (model._meta.db_table, "id" if model is Team else "team_id")
        for label in WATCHED
        for model in apps.get_app_config(label).get_models()
        if model is Team or any(each.attname == "team_id" for each in model._meta.concrete_fields)
    ]
    traces = ",".join(sorted(TRACES))
    return " UNION ALL ".join(
        f"SELECT '{table}', count(*), sum(hashtextextended((to_jsonb(t) - '{{{traces}}}'::text[])::text, 0)::numeric) "  # noqa: S608
        f"FROM {table} AS t WHERE {column} = %(team)s"
        for table, column in tables
    )


def test_their_own_people_do_see_the_word(sides: Sides, db: None) -> None:
    """Otherwise its absence would prove nothing."""
    theirs = sides.theirs
    slug = theirs.world.slug
    pages = [
        "generations:clips",
        "accounts:keys",
        "accounts:projects",
        "billing:budgets",
        "generations:batches",
    ]

    for name in pages:
        assert CANARY in theirs.browser.get(reverse(name, args=[slug])).content.decode(), name
    for path in ("/generations", "/batches", "/api-keys", "/projects", "/budgets", "/ledger"):
        assert CANARY in theirs.program.get(path).content.decode(), path
