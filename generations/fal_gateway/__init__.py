"""fal over HTTP: the only home of its wire form and of its keys.

Calls name the key they go out with; the secret behind the name stays here. Every call sets its own time limits and
none is repeated: callers decide with the rows in hand. Calls refuse to run inside a transaction, which would hold
locks while fal thinks.
"""

from generations.fal_gateway.answers import ListedRequest, Output, Result, StatusReply, Ticket
from generations.fal_gateway.billing import IDS_MAX, Charge, fetch_charges
from generations.fal_gateway.errors import AnswerLost, ErrorContext, FalError, NotReady
from generations.fal_gateway.keys import MAIN_KEY, UnknownKey, key_windows
from generations.fal_gateway.media import open_media
from generations.fal_gateway.platform_api import fetch_balance, list_requests
from generations.fal_gateway.queue import (
    StatusClient,
    cancel,
    fetch_result,
    fetch_status,
    request_url,
    submit,
)
from generations.fal_gateway.storage import PICTURE_LIFE_SECONDS, upload_picture
from generations.fal_gateway.webhook_keys import fetch_webhook_keys

__all__ = [
    "IDS_MAX",
    "MAIN_KEY",
    "PICTURE_LIFE_SECONDS",
    "AnswerLost",
    "Charge",
    "ErrorContext",
    "FalError",
    "ListedRequest",
    "NotReady",
    "Output",
    "Result",
    "StatusClient",
    "StatusReply",
    "Ticket",
    "UnknownKey",
    "cancel",
    "fetch_balance",
    "fetch_charges",
    "fetch_result",
    "fetch_status",
    "fetch_webhook_keys",
    "key_windows",
    "list_requests",
    "open_media",
    "request_url",
    "submit",
    "upload_picture",
]
