"""Where Stripe reports: verify, store, answer. Everything else happens in a task."""

from typing import Final

import structlog
from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.services.stripe_receipts import BadSignature, store_receipt

BODY_MAX_BYTES: Final = 1_000_000

logger = structlog.get_logger(__name__)


@csrf_exempt
@login_not_required
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """200 stored (also when repeated, and for types we do not use), 400 not signed by Stripe for us just now,
    413 too long, 503 when our database is out of reach: Stripe retries for three days.
    """
    if int(request.headers.get("Content-Length") or 0) > BODY_MAX_BYTES:
        return JsonResponse({"detail": "too long"}, status=413)
    try:
        signature = request.headers.get("Stripe-Signature", "")
        store_receipt(body=request.body, signature=signature, now=timezone.now())
    except BadSignature as error:
        logger.warning("stripe_webhook_refused", reason=str(error))
        return JsonResponse({"detail": str(error)}, status=400)
    except (OperationalError, InterfaceError) as error:
        logger.warning("stripe_webhook_not_stored", error=str(error).strip())
        return JsonResponse({"detail": "database unavailable"}, status=503, headers={"Retry-After": "5"})
    return JsonResponse({"status": "ok"})
