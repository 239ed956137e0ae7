"""django-q2 entry points: ids in, one service call each, harmless when run twice or late."""

from contextlib import suppress

from django.utils import timezone

from billing.models import Refund
from billing.services import (
    expire_overdue_lots,
    following,
    forget_quotes,
    notices,
    raise_mail,
    recharge,
    stripe_receipts,
    stripe_refunds,
    stripe_sweep,
)
from billing.services.customers import PaymentsUnavailable


def process_receipt(*, receipt_id: str, **_: object) -> None:
    stripe_receipts.process_receipt(receipt_id=int(receipt_id), clock=timezone.now)


def follow_purchase(*, purchase_id: str, **_: object) -> None:
    following.follow_purchase(purchase_id=int(purchase_id), actor="system", clock=timezone.now)


def charge_card(*, recharge_id: str, **_: object) -> None:
    recharge.charge_card(recharge_id=int(recharge_id), clock=timezone.now)


def send_refund(*, refund_id: str, **_: object) -> None:
    refund = Refund.objects.select_related("purchase__team").get(pk=int(refund_id))
    with suppress(PaymentsUnavailable):  # the next sweep asks again
        stripe_refunds.send_refund(refund=refund, now=timezone.now())


def send_notice(*, notice_id: str, **_: object) -> None:
    notices.send_notice(notice_id=int(notice_id), now=timezone.now())


def enqueue_due(**_: object) -> None:
    stripe_sweep.enqueue_due(now=timezone.now())


def back_fill(**_: object) -> None:
    since = stripe_sweep.back_fill_since(now=timezone.now())
    if since is not None:
        stripe_receipts.back_fill(since=since, clock=timezone.now)


def tell_about_request(*, request_id: str, **_: object) -> None:
    raise_mail.tell(request_id=int(request_id), now=timezone.now())


def tell_about_requests(**_: object) -> None:
    for request_id in raise_mail.untold():
        raise_mail.tell(request_id=request_id, now=timezone.now())


def end_what_is_over(**_: object) -> None:
    """Credit whose time is up, and quotes."""
    expire_overdue_lots(now=timezone.now())
    forget_quotes(now=timezone.now())
