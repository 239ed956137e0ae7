"""Every address of the site, asked by everybody who must not be answered."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from accounts.permissions import ROLE_PERMISSIONS, SCOPE_PERMISSIONS
from tests.contracts.access import ACCESS, STAFF_NAMESPACE, Access
from tests.contracts.world import World, browser_of, everything, make_world, program_of
from tests.support import factories
from tests.support.api import ApiClient

SIGN_IN = "/accounts/login/"
CONTINUING = {
    "account_confirm_login_code",
    "account_email_verification_sent",
    "mfa_authenticate",
    "mfa_login_webauthn",
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


def cases(level: str) -> list[tuple[str, str, str]]:
    return [
        (name, method, permission)
        for name, access in ACCESS.items()
        if access.level == level
        for method, permission in access.methods.items()
    ]


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def address(world: World, name: str, **changes: object) -> str:
    return reverse(name, kwargs={**world.arguments(ACCESS[name].args), **changes})


def ask(browser: Client, method: str, path: str) -> HttpResponse:
    return getattr(browser, method.lower())(path)


def call(program: ApiClient, method: str, path: str) -> HttpResponse:
    """With JSON, which every endpoint but the upload reads; access is decided before it is read."""
    return program.client.generic(
        method, path, "{}", content_type="application/json", headers=program.headers
    )


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


# -- a team's pages


@pytest.mark.parametrize(("name", "method", "permission"), cases("team"))
def test_a_teams_page_answers_only_its_people(world: World, name: str, method: str, permission: str) -> None:
    path = address(world, name)
    outsider = factories.owner_of(factories.make_team())
    before = everything()

    assert led_to_sign_in(ask(browser_of(None), method, path))
    assert ask(browser_of(outsider), method, path).status_code == 404
    for role, person in world.people.items():
        if permission not in ROLE_PERMISSIONS[role]:
            assert ask(browser_of(person), method, path).status_code == 403, role

    assert everything() == before


@pytest.mark.parametrize(("name", "method", "permission"), cases("team"))
def test_an_id_of_another_team_is_nobodys(world: World, name: str, method: str, permission: str) -> None:
    if "pk" not in ACCESS[name].args:
        return
    own = factories.make_team()
    before = everything()

    response = ask(browser_of(factories.owner_of(own)), method, address(world, name, team_slug=own.slug))

    assert response.status_code == 404
    assert everything() == before


@pytest.mark.parametrize(("name", "method", "permission"), cases("team"))
def test_whoever_may_is_let_in(world: World, name: str, method: str, permission: str) -> None:
    """Otherwise the refusals above would prove nothing."""
    for role, person in world.people.items():
        if permission in ROLE_PERMISSIONS[role]:
            with transaction.atomic():  # what one of them removed would not be there for the next
                status = ask(browser_of(person), method, address(world, name)).status_code
                transaction.set_rollback(True)
            assert status in {200, 204, 302, 303, 422}, role


@pytest.mark.parametrize("name", [name for name, method, _ in cases("team") if method == "POST"])
def test_no_page_is_changed_without_the_forms_token(world: World, name: str) -> None:
    before = everything()

    response = browser_of(world.people["owner"], enforce_csrf_checks=True).post(address(world, name))

    assert response.status_code == 403
    assert everything() == before


@pytest.mark.parametrize("name", [name for name, access in ACCESS.items() if access.level == "team"])
def test_other_methods_change_nothing(world: World, name: str) -> None:
    browser = browser_of(world.people["owner"])
    before = everything()

    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(ACCESS[name].methods):
        assert ask(browser, method, address(world, name)).status_code == 405, method

    assert everything() == before


# -- the API


@pytest.mark.parametrize(("name", "method", "permission"), cases("api"))
def test_an_endpoint_answers_only_keys_that_may(
    world: World, name: str, method: str, permission: str
) -> None:
    path = address(world, name)
    owner = world.people["owner"]
    too_little = [scope for scope, allowed in SCOPE_PERMISSIONS.items() if permission not in allowed]
    programs = {
        "no key": (ApiClient(), 401),
        "a key nobody made": (ApiClient("ltx_live_" + "a" * 50), 401),
        "other scopes": (program_of(world.team, owner, too_little), 403),
        **{
            f"a key of the {role}": (program_of(world.team, person), 403)
            for role, person in world.people.items()
            if permission not in ROLE_PERMISSIONS[role]
        },
    }
    before = everything()

    for who, (program, status) in programs.items():
        assert call(program, method, path).status_code == status, who
    signed_in = browser_of(owner).generic(method, path, "{}", content_type="application/json")
    assert signed_in.status_code == 401

    assert everything() == before


@pytest.mark.parametrize(("name", "method", "permission"), cases("api"))
def test_a_key_of_another_team_finds_nothing(world: World, name: str, method: str, permission: str) -> None:
    if "pk" not in ACCESS[name].args:
        return
    other = factories.make_team()
    program = program_of(other, factories.owner_of(other))
    before = everything()

    assert call(program, method, address(world, name)).status_code == 404
    assert everything() == before


@pytest.mark.parametrize(("name", "method", "permission"), cases("api"))
def test_a_key_that_may_is_let_in(world: World, name: str, method: str, permission: str) -> None:
    program = program_of(world.team, world.people["owner"])

    answered = {200, 201, 202, 204, 400, 409, 415, 422}
    assert call(program, method, address(world, name)).status_code in answered


# -- everything else


@pytest.mark.parametrize("name", [name for name, access in ACCESS.items() if access.level == "public"])
def test_public_pages_ask_nobody_to_sign_in(world: World, name: str) -> None:
    response = browser_of(None).get(address(world, name))

    assert response.status_code in {200, 302, 404}
    # These continue a sign-in; without one there is only the beginning to go to.
    assert led_to_sign_in(response) == (name in CONTINUING)


@pytest.mark.parametrize("name", [name for name, access in ACCESS.items() if access.level == "signed_in"])
def test_personal_pages_lead_visitors_to_sign_in(world: World, name: str) -> None:
    assert led_to_sign_in(browser_of(None).get(address(world, name)))


def test_the_style_guide_exists_for_staff_alone(world: World) -> None:
    path = reverse("platform:styleguide")

    assert led_to_sign_in(browser_of(None).get(path))
    assert browser_of(world.people["owner"]).get(path).status_code == 404
    assert browser_of(factories.make_user(is_staff=True)).get(path).status_code == 200


@pytest.mark.long
def test_the_staff_site_turns_everybody_else_away(world: World) -> None:
    owner = browser_of(world.people["owner"])
    before = everything()
    paths = {staff_path(world, name) for name, _ in PATTERNS if name.startswith(STAFF_NAMESPACE)}

    for path in sorted(paths):
        assert Client().get(path, follow=True).redirect_chain[-1][0].startswith(SIGN_IN), path
        assert Client().post(path, follow=True).redirect_chain[-1][0].startswith(SIGN_IN), path
        assert owner.get(path, follow=True).status_code == 403, path
        assert owner.post(path, follow=True).status_code == 403, path

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


def test_media_needs_its_signed_token(world: World) -> None:
    for browser in (browser_of(None), browser_of(world.people["owner"])):
        assert browser.get(address(world, "generations:media")).status_code == 404


def test_a_webhook_without_fals_signature_leaves_nothing(world: World) -> None:
    before = everything()

    response = browser_of(None).post(
        address(world, "generations:fal_webhook"), {"request_id": "x"}, content_type="application/json"
    )

    assert response.status_code == 401
    assert everything() == before


def test_a_webhook_without_stripes_signature_leaves_nothing(world: World) -> None:
    before = everything()

    response = browser_of(None).post(
        address(world, "billing:stripe_webhook"), {"object": "event"}, content_type="application/json"
    )

    assert response.status_code == 400
    assert everything() == before
