"""The pages of a person's own settings. A page joins the navigation of all of them by its line here."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    """`view` is the name of the page's address; `also` are addresses that belong under the same entry."""

    label: str
    view: str
    also: tuple[str, ...] = ()


ENTRIES: Final = (
    Entry("Profile", "accounts:profile"),
    Entry("Display", "accounts:display"),
    Entry("Notifications", "accounts:notification_choices"),
    Entry("E-mail", "account_email"),
    Entry(
        "Security",
        "accounts:security",
        (
            "account_change_password",
            "account_set_password",
            "socialaccount_connections",
            "mfa_activate_totp",
            "mfa_deactivate_totp",
            "mfa_add_webauthn",
            "mfa_edit_webauthn",
            "mfa_remove_webauthn",
            "mfa_view_recovery_codes",
            "mfa_generate_recovery_codes",
        ),
    ),
    Entry("Staff visits", "accounts:own_staff_visits"),
    Entry("Data", "data_rights:own_data", ("data_rights:own_delete",)),
)
