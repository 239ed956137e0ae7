"""Every kind of news that people get, in one table: what it is, and whether it is told unless they choose otherwise."""

from dataclasses import dataclass
from typing import Final, Literal

Channel = Literal["mail", "portal"]
CHANNELS: Final[tuple[Channel, ...]] = ("mail", "portal")

CLIP_FINISHED: Final = "clip_finished"
CLIP_FAILED: Final = "clip_failed"
BATCH_DONE: Final = "batch_done"
LIMIT_REQUEST: Final = "limit_request"
LOW_BALANCE: Final = "low_balance"
EXPIRING: Final = "credits_expiring"
BUDGET: Final = "budget_reached"
PAYMENT_FAILED: Final = "payment_failed"
RECHARGE_PAUSED: Final = "recharge_paused"
REFUND: Final = "refund"
DISPUTE: Final = "dispute"
SECURITY: Final = "security"
NEW_BROWSER: Final = "new_browser"


@dataclass(frozen=True, slots=True)
class Kind:
    """`mail` and `portal` are what holds without a choice; None where the channel is not used.

    `always_mailed` says why e-mails of this kind cannot be switched off, and is empty where they can.
    """

    key: str
    label: str
    about: str
    mail: bool = True
    portal: bool | None = True
    always_mailed: str = ""

    def default(self, channel: Channel) -> bool:
        return bool(self.mail if channel == "mail" else self.portal)

    def may_choose(self, channel: Channel) -> bool:
        return not self.always_mailed if channel == "mail" else self.portal is not None


@dataclass(frozen=True, slots=True)
class Group:
    label: str
    about: str
    kinds: tuple[Kind, ...]


GROUPS: Final = (
    Group(
        "Your clips",
        "About clips that you started.",
        (
            Kind(CLIP_FINISHED, "A clip is ready", "Not for clips of a batch.", mail=False, portal=False),
            Kind(CLIP_FAILED, "A clip could not be made", "With the reason.", mail=False, portal=False),
            Kind(BATCH_DONE, "A batch is done", "Once, when its last clip ended.", mail=False, portal=False),
        ),
    ),
    Group(
        "Limits",
        "About what people may spend.",
        (
            Kind(
                LIMIT_REQUEST,
                "Requests for more credit",
                "To owners when somebody asks, to you when yours is answered.",
            ),
            Kind(BUDGET, "A limit is reached", "At 50, 80 and 100 %, to those who manage the credit."),
        ),
    ),
    Group(
        "Your teams' credit",
        "To members who can buy credit.",
        (
            Kind(LOW_BALANCE, "Credit is running low", "Once for each purchase that is used up."),
            Kind(EXPIRING, "Credit is about to expire", "A week before."),
            Kind(REFUND, "A payment was refunded", "And how much credit went back with it."),
            Kind(
                PAYMENT_FAILED,
                "A payment failed",
                "With what the bank said.",
                always_mailed="Always sent: otherwise clips stop and nobody knows why.",
            ),
            Kind(
                RECHARGE_PAUSED,
                "Automatic top-up is paused",
                "And what to do about it.",
                always_mailed="Always sent: no credit is bought automatically until somebody acts.",
            ),
            Kind(
                DISPUTE,
                "A payment is disputed",
                "When it begins and when it is over.",
                always_mailed="Always sent: credit is set aside in the meantime.",
            ),
        ),
    ),
    Group(
        "Your account",
        "About your password, your addresses, and who signs in.",
        (
            Kind(
                SECURITY,
                "Changes to how you sign in",
                "New passwords, addresses added or removed.",
                portal=None,
                always_mailed="Always sent: it may not have been you.",
            ),
            Kind(
                NEW_BROWSER,
                "A sign-in from a new browser",
                "One that was not used for your account before.",
            ),
        ),
    ),
)
KINDS: Final = {kind.key: kind for group in GROUPS for kind in group.kinds}
