"""What each kind of transaction is called on a statement, and which kinds belong together."""

from typing import Final

from billing.models import Hold, Transaction, TransactionKind

K = TransactionKind

# Credit that a clip moves; everything else is rare, and has an index of its own.
CLIP_KINDS: Final = (K.HOLD, K.CAPTURE, K.PARTIAL_CAPTURE, K.RELEASE)
# Between the platform's own accounts: nothing of the team's changes.
NOT_THE_TEAMS: Final = (K.DISPUTE_CASH, K.DISPUTE_BACK)
WORDS: Final[dict[str, str]] = {
    K.HOLD: "Set aside for a clip",
    K.CAPTURE: "Clip delivered",
    K.PARTIAL_CAPTURE: "Clip delivered, the rest returned",
    K.RELEASE: "Clip not delivered, credit returned",
    K.JOB_REFUND: "Clip refunded",
    K.PROMO_GRANT: "Credit given",
    K.EXPIRY: "Credit expired",
    K.TOP_UP: "Credit bought",
    K.REFUND_FREEZE: "Refund requested, credit set aside",
    K.REFUND_DONE: "Refunded to the card",
    K.REFUND_UNDO: "Refund failed, credit returned",
    K.CLAWBACK: "Refunded to the card",
    K.DISPUTE_FREEZE: "Payment disputed, credit set aside",
    K.DISPUTE_WON: "Dispute won, credit returned",
    K.DISPUTE_LOST: "Dispute lost, credit taken back",
    K.WRITE_OFF: "Debt forgiven",
    K.ADJUSTMENT: "Adjustment",
}
GROUPS: Final[dict[str, tuple[str, tuple[TransactionKind, ...]]]] = {
    "clips": ("Clips", (*CLIP_KINDS, K.JOB_REFUND)),
    "credit": ("Credit", (K.TOP_UP, K.PROMO_GRANT, K.ADJUSTMENT, K.EXPIRY, K.WRITE_OFF)),
    "back": (
        "Refunds and disputes",
        (
            *(K.REFUND_FREEZE, K.REFUND_DONE, K.REFUND_UNDO, K.CLAWBACK),
            *(K.DISPUTE_FREEZE, K.DISPUTE_WON, K.DISPUTE_LOST),
        ),
    ),
}


def what_happened(made: Transaction) -> str:
    return WORDS.get(made.kind, made.get_kind_display())


def about(made: Transaction) -> str:
    """What the line is about, beside what happened: the clip's length, or the reason that was given."""
    return length_of(made.hold) if made.hold is not None else made.reason


def length_of(hold: Hold) -> str:
    detail = ", detail pass" if hold.passes > 1 else ""
    return f"{hold.num_frames:,} frame{'' if hold.num_frames == 1 else 's'}{detail}"
