"""Every address of the site, asked by everybody who must not be answered."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from accounts.permissions import ROLE_PERMISSIONS
from tests.contracts.access import ACCESS, STAFF_NAMESPACE, Access
from tests.contracts.cast import Cast, ask, call
from tests.contracts.conftest import undone
from tests.contracts.world import World, browser_of, everything
from tests.support import factories

SIGN_IN = "/accounts/login/"
CONTINUING = {
    "account_confirm_login_code",
    "account_email_verification_sent",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "socialaccount_signup",
}


def patterns(resolver: URLResolver, names: tuple[str, ...] = ()) -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = (*names, pattern.namespace) if pattern.namespace else names
            yield from patterns(pattern, inner)
        else:
            yield ":".join([*names, pattern.name or "-"]), pattern


PATTERNS = list(patterns(get_resolver()))
OWN = {name: pattern for name, pattern in PATTERNS if not name.startswith(STAFF_NAMESPACE)}


# Answers to who is let in: what was asked for, or what is wrong with it. Otherwise refusals would prove nothing.
LET_IN = {200, 204, 302, 303, 422}
ANSWERED = {200, 201, 202, 204, 400, 409, 415, 422}
NO_KEYS = (
    *("no key", "a key nobody made", "revoked key", "expired key"),
    *("rotated key", "key from elsewhere", "key of who left"),
)


def cases(level: str) -> list[tuple[str, str, str]]:
    return [
        (name, method, permission)
        for name, access in ACCESS.items()
        if access.level == level
        for method, permission in access.methods.items()
    ]


def address(world: World, name: str, **changes: object) -> str:
    return reverse(name, kwargs={**world.arguments(ACCESS[name].args), **changes})


def led_to_sign_in(response: HttpResponse) -> bool:
    return response.status_code == 302 and response["Location"].startswith(SIGN_IN)


# -- the declaration


def test_every_address_is_declared_and_every_declaration_has_one() -> None:
    assert sorted(OWN) == sorted(ACCESS)


@pytest.mark.parametrize(("name", "access"), ACCESS.items(), ids=ACCESS)
def test_the_view_says_what_is_declared(name: str, access: Access) -> None:
    view = OWN[name].callback

    open_to_all = not getattr(view, "login_required", True)
    assert open_to_all == (access.level in {"public", "api", "token", "webhook"})
    if access.level == "team":
        assert {view.permission} == set(access.methods.values())
        assert str(OWN[name].pattern).startswith("t/<slug:team_slug>/")
    if access.level == "api":
        assert view.cls.permission_of == access.methods


# -- the matrix: every address and method, asked by everybody; on denial nothing changes


@pytest.mark.parametrize(("name", "method", "permission"), cases("team"))
def test_a_teams_page_answers_only_its_people(
    one_world: World, cast: Cast, name: str, method: str, permission: str
) -> None:
    path = address(one_world, name)
    expected = {"anonymous": 302, "outsider": 404, "staff": 404}
    expected |= {role: 403 for role in one_world.people if permission not in ROLE_PERMISSIONS[role]}
    before = everything()

    given = {who: ask(cast.browsers[who], method, path) for who in expected}
    if "pk" in ACCESS[name].args:  # an id of this team under another team's address
        own = address(one_world, name, team_slug=cast.outsiders_team.slug)
        foreign = ask(cast.browsers["outsider"], method, own)
        assert foreign.status_code == 404

    assert {who: response.status_code for who, response in given.items()} == expected
    assert led_to_sign_in(given["anonymous"])
    assert everything() == before
    for role in one_world.people.keys() - expected.keys():
        with undone():
            assert ask(cast.browsers[role], method, path).status_code in LET_IN, role


@pytest.mark.parametrize("name", [name for name, access in ACCESS.items() if access.level == "team"])
def test_other_methods_and_forms_without_their_token_change_nothing(
    one_world: World, cast: Cast, name: str
) -> None:
    path, owner = address(one_world, name), cast.browsers["owner"]
    before = everything()

    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(ACCESS[name].methods):
        assert ask(owner, method, path).status_code == 405, method
    if "POST" in ACCESS[name].methods:
        strict = browser_of(None, enforce_csrf_checks=True)
        strict.cookies[settings.SESSION_COOKIE_NAME] = owner.cookies[settings.SESSION_COOKIE_NAME].value
        assert strict.post(path).status_code == 403

    assert everything() == before


@pytest.mark.parametrize(("name", "method", "permission"), cases("api"))
def test_an_endpoint_answers_only_keys_that_may(
    one_world: World, cast: Cast, name: str, method: str, permission: str
) -> None:
    path = address(one_world, name)
    expected = dict.fromkeys(NO_KEYS, 401) | {f"without {permission}": 403}
    expected |= {role: 403 for role in one_world.people if permission not in ROLE_PERMISSIONS[role]}
    if "pk" in ACCESS[name].args:
        expected["foreign key"] = 404
    before = everything()

    given = {who: call(cast.programs[who], method, path).status_code for who in expected}
    signed_in = cast.browsers["owner"].generic(method, path, "{}", content_type="application/json")

    assert given == expected
    assert signed_in.status_code == 401
    assert everything() == before
    for role in one_world.people.keys() - expected.keys():
        with undone():
            answer = call(cast.programs[role], method, path)
            # A right may have bounds of its own, such as a colleague's clip; that is told apart from lacking it.
            assert answer.status_code in ANSWERED or answer.json()["code"] == "forbidden", role


# -- everything else


@pytest.mark.parametrize("name", [name for name, access in ACCESS.items() if access.level == "public"])
def test_public_pages_ask_nobody_to_sign_in(one_world: World, name: str) -> None:
    response = browser_of(None).get(address(one_world, name))

    assert response.status_code in {200, 302, 404}
    # These continue a sign-in; without one there is only the beginning to go to.
    assert led_to_sign_in(response) == (name in CONTINUING)


@pytest.mark.parametrize("name", [name for name, access in ACCESS.items() if access.level == "signed_in"])
def test_personal_pages_lead_visitors_to_sign_in(one_world: World, name: str) -> None:
    assert led_to_sign_in(browser_of(None).get(address(one_world, name)))


@pytest.mark.parametrize("name", [name for name, method, _ in cases("staff") if method == "GET"])
def test_the_style_guide_exists_for_staff_alone(one_world: World, name: str) -> None:
    path = address(one_world, name)

    assert led_to_sign_in(browser_of(None).get(path))
    assert browser_of(one_world.people["owner"]).get(path).status_code == 404
    assert browser_of(factories.make_user(is_staff=True)).get(path).status_code == 200


def test_the_staff_site_turns_everybody_else_away(one_world: World, cast: Cast) -> None:
    before = everything()
    paths = {staff_path(one_world, name) for name, _ in PATTERNS if name.startswith(STAFF_NAMESPACE)}

    doors = {who: set() for who in ("anonymous", "owner")}
    for who, led_to in doors.items():
        for path in sorted(paths):
            for method in ("GET", "POST"):
                response = ask(cast.browsers[who], method, path)
                assert response.status_code in ({302, 403} if who == "owner" else {302}), path
                led_to.add(response.get("Location", "").partition("?")[0])
    # Each leads to one of a few doors, and none of those lets them in.
    for door in doors["anonymous"]:
        last = cast.browsers["anonymous"].get(door, follow=True)
        assert door == SIGN_IN or last.redirect_chain[-1][0].startswith(SIGN_IN)
    for door in doors["owner"] - {""}:
        assert cast.browsers["owner"].get(door, follow=True).status_code == 403

    assert everything() == before
    assert len(paths) > 20


def staff_path(world: World, name: str) -> str:
    arguments = {"object_id": str(world.clip_id), "content_type_id": "1", "app_label": "billing", "url": "x"}
    for wanted in ((), ("object_id",), ("app_label",), ("url",), ("content_type_id", "object_id")):
        try:
            return reverse(name, kwargs={argument: arguments[argument] for argument in wanted})
        except NoReverseMatch:
            continue
    return reverse("admin:index")


def test_media_needs_its_signed_token(one_world: World) -> None:
    for browser in (browser_of(None), browser_of(one_world.people["owner"])):
        assert browser.get(address(one_world, "generations:media")).status_code == 404


def test_a_webhook_without_fals_signature_leaves_nothing(one_world: World) -> None:
    before = everything()

    response = browser_of(None).post(
        address(one_world, "generations:fal_webhook"), {"request_id": "x"}, content_type="application/json"
    )

    assert response.status_code == 401
    assert everything() == before


def test_a_webhook_without_stripes_signature_leaves_nothing(one_world: World) -> None:
    before = everything()

    response = browser_of(None).post(
        address(one_world, "billing:stripe_webhook"), {"object": "event"}, content_type="application/json"
    )

    assert response.status_code == 400
    assert everything() == before
