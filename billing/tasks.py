"""django-q2 entry points: ids in, one service call each, harmless when run twice or late."""

from billing.services import raise_mail


def tell_about_request(*, request_id: str, **_: object) -> None:
    raise_mail.tell(request_id=int(request_id))


def tell_about_requests(**_: object) -> None:
    for request_id in raise_mail.untold():
        raise_mail.tell(request_id=request_id)
