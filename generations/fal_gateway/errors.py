"""What can go wrong between us and fal, told apart by what it proves."""


class FalError(Exception):
    """fal could not be asked, or said no before anything was accepted. `status` is 0 without an answer."""

    def __init__(self, detail: str, *, status: int = 0, error_type: str = "") -> None:
        super().__init__(detail)
        self.detail = detail[:1000]
        self.status = status
        self.error_type = error_type

    @property
    def is_temporary(self) -> bool:
        """Worth another try later: no answer, a refused key or locked account, too many requests, 5xx."""
        return self.status in {0, 401, 403, 408, 429} or self.status >= 500


class AnswerLost(Exception):
    """The request may have reached fal, but no usable answer came back: never send it again blindly."""


class NotReady(Exception):
    """fal has no result yet."""
