"""Who may open which address. A new address fails the URL walk until it stands here."""

from dataclasses import dataclass, field
from typing import Literal

from accounts.permissions import (
    AUDIT_VIEW,
    BILLING_MANAGE,
    BILLING_VIEW,
    BUDGETS_MANAGE,
    GENERATIONS_CANCEL,
    GENERATIONS_CREATE,
    GENERATIONS_VIEW,
    KEYS_MANAGE,
    MEMBERS_MANAGE,
    MEMBERS_VIEW,
    PROJECTS_MANAGE,
    TEAM_MANAGE,
    TEAM_OWN,
)

# public: everybody. signed_in: whoever has an account. staff: is_staff. team: a member whose role carries the
# permission. api: a key whose scopes and maker carry it. token: whoever holds the signed token in the address.
# webhook: fal or Stripe, by their signatures.
Level = Literal["public", "signed_in", "staff", "team", "api", "token", "webhook"]


@dataclass(frozen=True)
class Access:
    """`methods` maps what the address takes to the permission it needs ("" where the level alone decides).

    `args` fills the address from the world of the first team: attribute names of `world.World`.
    """

    level: Level
    methods: dict[str, str] = field(default_factory=lambda: {"GET": ""})
    args: dict[str, str] = field(default_factory=dict)


def public(**args: str) -> Access:
    return Access("public", args=args)


def team(*, get: str = "", post: str = "", **args: str) -> Access:
    return Access("team", _given(get, post), {"team_slug": "slug", **args})


def api(*, get: str = "", post: str = "", patch: str = "", delete: str = "", **args: str) -> Access:
    return Access("api", _given(get, post, patch, delete), args)


def _given(get: str, post: str, patch: str = "", delete: str = "") -> dict[str, str]:
    pairs = {"GET": get, "POST": post, "PATCH": patch, "DELETE": delete}
    return {method: needed for method, needed in pairs.items() if needed}


ACCESS: dict[str, Access] = {
    "platform:home": public(),
    "platform:health": public(),
    "platform:ready": public(),
    "platform:styleguide": Access("staff"),
    "platform:emails": Access("staff"),
    "platform:email": Access("staff", args={"name": "email"}),
    "billing:pricing": public(),
    # -- a person's own
    "accounts:settings": Access("signed_in"),
    "accounts:profile": Access("signed_in", {"GET": "", "POST": ""}),
    "accounts:display": Access("signed_in", {"GET": "", "POST": ""}),
    "accounts:theme": Access("signed_in", {"POST": ""}),
    "accounts:notification_choices": Access("signed_in", {"GET": "", "POST": ""}),
    "accounts:notifications": Access("signed_in"),
    "accounts:notifications_read": Access("signed_in", {"POST": ""}),
    # Somebody else's is a 404: tests/accounts/test_notification_pages.py.
    "accounts:notification_open": Access("signed_in", {"POST": ""}, {"pk": "number"}),
    "accounts:notification_read": Access("signed_in", {"POST": ""}, {"pk": "number"}),
    # The link in e-mails, by its signature.
    "accounts:unsubscribe": Access("token", {"GET": "", "POST": ""}, {"token": "token"}),
    # -- a team's pages
    "accounts:team_security": team(get=TEAM_MANAGE, post=TEAM_MANAGE),
    "accounts:keys": team(get=KEYS_MANAGE),
    # GET only leads back to the list: where a sign-in in between lands.
    "accounts:key_create": team(get=KEYS_MANAGE, post=KEYS_MANAGE),
    "accounts:key_revoke": team(post=KEYS_MANAGE, pk="key_id"),
    "accounts:staff_visits": team(get=AUDIT_VIEW),
    "accounts:members": team(get=MEMBERS_VIEW),
    "accounts:member_role": team(post=MEMBERS_MANAGE, pk="member_id"),
    "accounts:member_remove": team(post=MEMBERS_MANAGE, pk="member_id"),
    # GET only leads back to the members: where a sign-in in between lands.
    "accounts:invite": team(get=MEMBERS_MANAGE, post=MEMBERS_MANAGE),
    "accounts:invitation_resend": team(post=MEMBERS_MANAGE, pk="invitation_id"),
    "accounts:invitation_revoke": team(post=MEMBERS_MANAGE, pk="invitation_id"),
    "accounts:leave": team(post=MEMBERS_VIEW),
    "accounts:audit_log": team(get=AUDIT_VIEW),
    "accounts:audit_file": team(get=AUDIT_VIEW),
    "accounts:team_settings": team(get=TEAM_MANAGE, post=TEAM_MANAGE),
    "accounts:team_share": team(post=TEAM_OWN),
    "accounts:team_hand_over": team(post=TEAM_OWN),
    "generations:home": team(get=GENERATIONS_VIEW),
    "generations:sample": team(post=GENERATIONS_CREATE),
    "generations:first_steps_hide": team(post=GENERATIONS_VIEW),
    "data_rights:team_data": team(get=TEAM_OWN),
    "data_rights:team_delete": team(get=TEAM_OWN, post=TEAM_OWN),
    "data_rights:team_delete_undo": team(post=TEAM_OWN),
    "data_rights:team_export": team(post=TEAM_OWN),
    "data_rights:team_export_file": team(get=TEAM_OWN, pk="export_id"),
    "accounts:key": team(get=KEYS_MANAGE, pk="key_id"),
    "accounts:key_change": team(post=KEYS_MANAGE, pk="key_id"),
    "accounts:key_rotate": team(get=KEYS_MANAGE, post=KEYS_MANAGE, pk="key_id"),
    "accounts:key_end_old": team(post=KEYS_MANAGE, pk="key_id"),
    "accounts:projects": team(get=GENERATIONS_VIEW),
    "accounts:project_create": team(post=PROJECTS_MANAGE),
    "accounts:project_rename": team(post=PROJECTS_MANAGE, pk="project_id"),
    "accounts:project_archive": team(post=PROJECTS_MANAGE, pk="project_id"),
    "accounts:project_restore": team(post=PROJECTS_MANAGE, pk="project_id"),
    "generations:create": team(get=GENERATIONS_CREATE, post=GENERATIONS_CREATE),
    "generations:price": team(get=GENERATIONS_CREATE),
    "generations:image_upload": team(post=GENERATIONS_CREATE),
    "generations:clips": team(get=GENERATIONS_VIEW),
    "generations:clip_updates": team(get=GENERATIONS_VIEW),
    "generations:clip": team(get=GENERATIONS_VIEW, pk="clip_id"),
    "generations:extend": team(post=GENERATIONS_CREATE, pk="clip_id"),
    "generations:batches": team(get=GENERATIONS_VIEW),
    "generations:batch_create": team(get=GENERATIONS_CREATE, post=GENERATIONS_CREATE),
    "generations:batch_price": team(post=GENERATIONS_CREATE),
    "generations:batch": team(get=GENERATIONS_VIEW, pk="batch_id"),
    "generations:batch_cancel": team(post=GENERATIONS_CANCEL, pk="batch_id"),
    "generations:cancel": team(post=GENERATIONS_CANCEL, pk="clip_id"),
    "generations:recipe": team(get=GENERATIONS_VIEW, pk="clip_id"),
    "generations:pause": team(post=GENERATIONS_CREATE, pk="clip_id"),
    "generations:resume": team(post=GENERATIONS_CREATE, pk="clip_id"),
    "generations:run_next": team(post=GENERATIONS_CREATE, pk="clip_id"),
    "generations:edit": team(get=GENERATIONS_CREATE, post=GENERATIONS_CREATE, pk="clip_id"),
    "billing:home": team(get=BILLING_VIEW),
    "billing:buy": team(post=BILLING_MANAGE),
    "billing:purchase": team(get=BILLING_VIEW, pk="purchase_id"),
    "billing:pay": team(post=BILLING_MANAGE, pk="purchase_id"),
    "billing:portal": team(post=BILLING_MANAGE),
    "billing:recharge": team(post=BILLING_MANAGE),
    "billing:recharge_stop": team(post=BILLING_MANAGE),
    "billing:statement": team(get=BILLING_VIEW),
    "billing:statement_file": team(get=BILLING_VIEW),
    "billing:books": team(get=BILLING_VIEW, post=BILLING_VIEW),
    "billing:usage": team(get=BILLING_VIEW),
    "billing:usage_file": team(get=BILLING_VIEW),
    "billing:budgets": team(get=GENERATIONS_VIEW),
    "billing:limit_set": team(post=BUDGETS_MANAGE),
    "billing:limit_change": team(post=BUDGETS_MANAGE, pk="limit_id"),
    "billing:limit_raise": team(post=BUDGETS_MANAGE, pk="limit_id"),
    "billing:limit_remove": team(post=BUDGETS_MANAGE, pk="limit_id"),
    "billing:ask": team(get=GENERATIONS_CREATE, post=GENERATIONS_CREATE, pk="limit_id"),
    "billing:request_approve": team(post=BUDGETS_MANAGE, pk="request_id"),
    "billing:request_decline": team(post=BUDGETS_MANAGE, pk="request_id"),
    "accounts:own_staff_visits": Access("signed_in"),
    "accounts:staff_session_end": Access("staff", {"POST": ""}),
    "data_rights:own_data": Access("signed_in"),
    "data_rights:own_delete": Access("signed_in", {"GET": "", "POST": ""}),
    "data_rights:own_delete_undo": Access("signed_in", {"POST": ""}),
    "data_rights:own_export": Access("signed_in", {"POST": ""}),
    "data_rights:own_export_file": Access("signed_in", args={"pk": "export_id"}),
    # -- doors of their own
    "accounts:invitation_open": public(token="token"),
    "accounts:invitation": public(),
    "accounts:invitation_accept": Access("signed_in", {"POST": ""}),
    "accounts:invitation_decline": Access("signed_in", {"POST": ""}),
    "generations:media": Access("token", args={"token": "token", "name": "name"}),
    "generations:fal_webhook": Access("webhook", {"POST": ""}, {"token": "webhook_token"}),
    "billing:stripe_webhook": Access("webhook", {"POST": ""}),
    # -- signing in and up, by django-allauth
    "account_login": public(),
    "account_logout": public(),
    "account_inactive": public(),
    "account_signup": public(),
    "account_email_verification_sent": public(),
    "account_reset_password": public(),
    "account_reset_password_done": public(),
    "account_reset_password_from_key": public(uidb36="word", key="word"),
    "account_reset_password_from_key_done": public(),
    "account_confirm_login_code": public(),
    "account_signup_by_passkey": public(),
    "mfa_login_webauthn": public(),
    "socialaccount_login_cancelled": public(),
    "socialaccount_login_error": Access("signed_in"),
    "socialaccount_signup": public(),
    "openid_connect_login": public(provider_id="word"),
    "openid_connect_callback": public(provider_id="word"),
    "socialaccount_connections": Access("signed_in"),
    # These continue a sign-in or sign-up; without one there is only the beginning to go to.
    "mfa_authenticate": public(),
    "mfa_signup_webauthn": public(),
    "account_reauthenticate": Access("signed_in"),
    "mfa_reauthenticate": Access("signed_in"),
    "mfa_reauthenticate_webauthn": Access("signed_in"),
    "mfa_index": Access("signed_in"),
    "mfa_activate_totp": Access("signed_in"),
    "mfa_deactivate_totp": Access("signed_in"),
    "mfa_list_webauthn": Access("signed_in"),
    "mfa_add_webauthn": Access("signed_in"),
    "mfa_edit_webauthn": Access("signed_in", args={"pk": "number"}),
    "mfa_remove_webauthn": Access("signed_in", args={"pk": "number"}),
    "mfa_view_recovery_codes": Access("signed_in"),
    "mfa_generate_recovery_codes": Access("signed_in"),
    "mfa_download_recovery_codes": Access("signed_in"),
    "usersessions_list": Access("signed_in"),
    "accounts:security": Access("signed_in"),
    "accounts:session_end": Access("signed_in", {"POST": ""}, {"pk": "number"}),
    "accounts:sign_in_again": Access("signed_in", {"GET": "", "POST": ""}),
    "accounts:sessions_end": Access("signed_in", {"POST": ""}),
    "account_email": Access("signed_in"),
    "account_change_password": Access("signed_in"),
    "account_set_password": Access("signed_in"),
    "accounts:team_create": Access("signed_in", {"GET": "", "POST": ""}),
    # -- the API
    "api:docs": public(),
    "api:openapi": public(),
    "api:nothing_here": public(),
    "api:balance": api(get=BILLING_VIEW),
    "api:ledger": api(get=BILLING_VIEW),
    "api:usage": api(get=BILLING_VIEW),
    "api:forecast": api(get=BILLING_VIEW),
    "api:members": api(get=MEMBERS_VIEW),
    "api:member": Access("api", {"PATCH": MEMBERS_MANAGE, "DELETE": MEMBERS_MANAGE}, {"pk": "member_id"}),
    "api:invitations": api(get=MEMBERS_MANAGE, post=MEMBERS_MANAGE),
    "api:invitation": Access("api", {"DELETE": MEMBERS_MANAGE}, {"pk": "invitation_id"}),
    "api:invitation_resend": api(post=MEMBERS_MANAGE, pk="invitation_id"),
    "api:quotes": api(post=GENERATIONS_CREATE),
    "api:uploads": api(post=GENERATIONS_CREATE),
    "api:upload": api(get=GENERATIONS_VIEW, pk="image_id"),
    "api:generations": api(get=GENERATIONS_VIEW, post=GENERATIONS_CREATE),
    "api:generation": api(get=GENERATIONS_VIEW, pk="clip_id"),
    "api:cancel": api(post=GENERATIONS_CANCEL, pk="clip_id"),
    "api:recipe": api(get=GENERATIONS_VIEW, pk="clip_id"),
    "api:pause": api(post=GENERATIONS_CREATE, pk="clip_id"),
    "api:resume": api(post=GENERATIONS_CREATE, pk="clip_id"),
    "api:run_next": api(post=GENERATIONS_CREATE, pk="clip_id"),
    "api:move": api(post=GENERATIONS_CREATE, pk="clip_id"),
    "api:input": api(patch=GENERATIONS_CREATE, pk="clip_id"),
    "api:events": api(get=GENERATIONS_VIEW, pk="clip_id"),
    "api:retry": api(post=GENERATIONS_CREATE, pk="clip_id"),
    "api:rerun": api(post=GENERATIONS_CREATE, pk="clip_id"),
    "api:remix": api(post=GENERATIONS_CREATE, pk="clip_id"),
    "api:extend": api(post=GENERATIONS_CREATE, pk="clip_id"),
    "api:promote": api(post=GENERATIONS_CREATE, pk="clip_id"),
    "api:batches": api(get=GENERATIONS_VIEW, post=GENERATIONS_CREATE),
    "api:batch_quote": api(post=GENERATIONS_CREATE),
    "api:batch": api(get=GENERATIONS_VIEW, pk="batch_id"),
    "api:batch_cancel": api(post=GENERATIONS_CANCEL, pk="batch_id"),
    "api:projects": api(get=GENERATIONS_VIEW, post=PROJECTS_MANAGE),
    "api:project": api(get=GENERATIONS_VIEW, patch=PROJECTS_MANAGE, delete=PROJECTS_MANAGE, pk="project_id"),
    "api:api_keys": api(get=KEYS_MANAGE, post=KEYS_MANAGE),
    "api:api_key": api(get=KEYS_MANAGE, patch=KEYS_MANAGE, delete=KEYS_MANAGE, pk="key_id"),
    "api:api_key_rotate": api(post=KEYS_MANAGE, pk="key_id"),
    "api:budgets": api(get=BUDGETS_MANAGE, post=BUDGETS_MANAGE),
    "api:budget": api(get=BUDGETS_MANAGE, patch=BUDGETS_MANAGE, delete=BUDGETS_MANAGE, pk="limit_id"),
    "api:models": api(get=GENERATIONS_VIEW),
    "api:model_schema": api(get=GENERATIONS_VIEW, model="model_id"),
}

# Every address of the staff site, whatever models join it.
STAFF_NAMESPACE = "admin:"
