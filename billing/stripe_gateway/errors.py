"""What can go wrong between us and Stripe, told apart by what it proves."""


class StripeError(Exception):
    """Stripe did not do what was asked. `message` is for operators, never for pages."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message = message[:300]
        self.code = code


class Refused(StripeError):
    """Stripe said no, and nothing happened there. The same request would be refused again."""


class Missing(Refused):
    """Stripe knows no such object."""


class Declined(Refused):
    """The bank said no to a card. `payment_intent` is the attempt's id; `code` the reason."""

    def __init__(self, message: str, *, code: str, payment_intent: str) -> None:
        super().__init__(message, code=code)
        self.payment_intent = payment_intent


class Unanswered(StripeError):
    """No usable answer: what was asked may have happened. Ask again with the same idempotency key.

    With `is_kept` Stripe failed by itself, and repeats that failure under the same key for a day.
    """

    def __init__(self, message: str, *, code: str = "", is_kept: bool = False) -> None:
        super().__init__(message, code=code)
        self.is_kept = is_kept


class BadSignature(Exception):
    """The delivery was not signed by Stripe for us, or not just now, or in another version of its API."""
