"""Every deed of the audit log in plain words: one table, which a test holds against all deeds the code records."""

from collections.abc import Mapping
from typing import Any, Final

from accounts.models import AuditEvent

GROUPS: Final[dict[str, str]] = {
    "team": "The team",
    "members": "Members and invitations",
    "keys": "API keys",
    "money": "Budgets and purchases",
    "staff": "Staff",
    "accounts": "Accounts",
}

# Deed -> its group and what was done; `{name}` is what the object was called.
ACTIONS: Final[dict[str, tuple[str, str]]] = {
    "team.created": ("team", "created the team {name}"),
    "team.renamed": ("team", "renamed the team"),
    "team.shared": ("team", "made the personal team a shared one"),
    "team.handed_over": ("team", "handed the team over to {name}"),
    "team.deletion_requested": ("team", "asked for the team to be deleted"),
    "team.deletion_undone": ("team", "canceled the deletion of the team"),
    "team.deleted": ("team", "deleted the team"),
    "export.started": ("team", "started an export of everything"),
    "retention.changed": ("team", "changed how long clip files are kept"),
    "member.joined": ("members", "added {name}"),
    "member.left": ("members", "left the team"),
    "member.removed": ("members", "removed {name}"),
    "member.role_changed": ("members", "changed the role of {name}"),
    "invitation.sent": ("members", "invited {name}"),
    "invitation.resent": ("members", "sent the invitation for {name} again"),
    "invitation.revoked": ("members", "revoked the invitation for {name}"),
    "invitation.declined": ("members", "declined the invitation for {name}"),
    "api_key.created": ("keys", "created the API key {name}"),
    "api_key.revoked": ("keys", "revoked the API key {name}"),
    "limit.set": ("money", "set a limit for {name}"),
    "limit.raised": ("money", "temporarily raised the limit of {name}"),
    "limit.removed": ("money", "removed the limit of {name}"),
    "raise.approved": ("money", "gave {name} more to spend"),
    "raise.declined": ("money", "declined the request of {name} for more"),
    "recharge.set": ("money", "switched automatic top-up on, or changed it"),
    "recharge.stopped": ("money", "switched automatic top-up off"),
    "credit.granted": ("money", "gave the team {name} of credit"),
    "credit.adjusted": ("money", "adjusted the team's credit by {name}"),
    "credit.refunded": ("money", "refunded {name} for a clip"),
    "debt.written_off": ("money", "wrote off {name} that the team owed"),
    "purchase.refunded": ("money", "started a refund of {name} for a purchase"),
    "team.weight_changed": (
        "staff",
        "changed how often the team's clips are sent, compared with other teams'",
    ),
    "team.suspended": ("staff", "suspended the team: nothing new may be spent"),
    "team.suspension_ended": ("staff", "ended the suspension of the team"),
    "suspension.explained": ("staff", "gave the reason why {name} is suspended, or no longer is"),
    "staff_session.started": ("staff", "started a staff visit"),
    "staff_session.ended": ("staff", "ended a staff visit"),
    "api_key.changed": ("keys", "changed the API key {name}"),
    "api_key.rotated": ("keys", "gave the API key {name} a new secret"),
    "api_key.old_secret_ended": ("keys", "ended the old secret of the API key {name}"),
    "project.created": ("team", "created the project {name}"),
    "project.renamed": ("team", "renamed the project {name}"),
    "project.archived": ("team", "archived the project {name}"),
    "project.restored": ("team", "restored the project {name}"),
    "team.second_factor_rule_changed": ("team", "changed whether members need a second factor"),
    "member.first_steps_hidden": ("members", "hid the first steps"),
    "account.profile_changed": ("accounts", "changed their profile"),
    "account.display_changed": ("accounts", "changed their display settings"),
    "account.notifications_changed": ("accounts", "changed their notification settings"),
    "user.deletion_requested": ("accounts", "asked for their account to be deleted"),
    "user.deletion_undone": ("accounts", "canceled the deletion of their account"),
    "user.deleted": ("accounts", "deleted the account"),
    "user.signed_up": ("accounts", "signed up"),
    "user.signed_in": ("accounts", "signed in"),
    "user.signed_out": ("accounts", "signed out"),
    "user.sign_in_failed": ("accounts", "tried to sign in and failed"),
    "user.password_changed": ("accounts", "changed their password"),
    "user.password_set": ("accounts", "set a password"),
    "user.password_reset": ("accounts", "reset their password by e-mail"),
    "user.address_changed": ("accounts", "changed their e-mail address"),
    "user.address_confirmed": ("accounts", "confirmed an e-mail address"),
    "user.address_removed": ("accounts", "removed an e-mail address"),
    "user.app_added": ("accounts", "added an authenticator app"),
    "user.app_removed": ("accounts", "removed their authenticator app"),
    "user.passkey_added": ("accounts", "added a passkey"),
    "user.passkey_removed": ("accounts", "removed a passkey"),
    "user.codes_made": ("accounts", "created new recovery codes"),
    "user.provider_connected": ("accounts", "connected another way to sign in"),
    "user.provider_disconnected": ("accounts", "disconnected another way to sign in"),
    "user.session_ended": ("accounts", "ended one of their sessions"),
    "user.other_sessions_ended": ("accounts", "ended their other sessions"),
    "user.factors_removed": ("accounts", "removed the second factors of the account {name}"),
    "user.switched": ("accounts", "changed the rights of the account {name}"),
}

# The same, when people did it to themselves.
_OWN: Final[dict[str, str]] = {
    "member.joined": "joined the team",
    "member.role_changed": "changed their own role",
}

# What fields are called; others are shown by their own names.
_FIELDS: Final[dict[str, str]] = {
    "cap": "limit",
    "until": "until",
    "slug": "address",
    "scopes": "permissions",
    "expires_at": "expires",
    "keep_days": "days kept",
    "below": "when below",
    "buys": "buys",
    "month": "monthly maximum",
    "more": "more",
}


def sentence(event: AuditEvent) -> str:
    """What was done, without who; a deed that a later release no longer knows keeps its name."""
    _, words = ACTIONS.get(event.action, ("", event.action.replace(".", ": ").replace("_", " ") + " {name}"))
    if event.object_type == "user" and event.object_id == str(event.user_id):
        words = _OWN.get(event.action, words)
    # Not str.format: a name may hold braces.
    return words.replace("{name}", event.object_name or "somebody").strip()


def who(event: AuditEvent) -> str:
    """The person, with the key or the office they acted by."""
    if event.user is None:
        return "The platform"
    person = event.user.get_full_name()
    return {"key": f"{person}, API key", "staff": f"{person}, staff"}.get(event.kind, person)


def actions_of(group: str) -> list[str]:
    return [action for action, (its_group, _) in ACTIONS.items() if its_group == group]


def changes(event: AuditEvent) -> list[tuple[str, str, str]]:
    """Each field that changed: what people call it, its old and its new value as text; empty where there was none."""
    names = dict.fromkeys([*event.old, *event.new])
    return [
        (_FIELDS.get(name, name.replace("_", " ")), _shown(event.old, name), _shown(event.new, name))
        for name in names
    ]


def _shown(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)
