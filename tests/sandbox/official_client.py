"""Everything fal's Python client can do, in a process of its own: it reads its addresses at import.

Prints one JSON object; the test looks at it. Run with FAL_QUEUE_RUN_HOST, FAL_RUN_HOST, FAL_KEY,
SSL_CERT_FILE and SANDBOX (the address) in the environment.
"""

import asyncio
import json
import os
import sys
from typing import Any

import fal_client
from fal_client import client as module

from tests.sandbox.conftest import ENDPOINT, data_uri, picture

ADDRESS = os.environ["SANDBOX"]
# The two hosts that the client does not let the environment change.
module.REST_URL = f"{ADDRESS}/rest"
module.CDN_URL = f"{ADDRESS}/cdn"
module.MULTIPART_THRESHOLD = 2_000_000

SMALL: dict[str, Any] = {
    "prompt": "a test",
    "image_url": data_uri(),
    "num_frames": 9,
    "resolution": "480p",
    "aspect_ratio": "1:1",
    "seed": 1,
}


def subscribe() -> dict[str, Any]:
    seen: list[str] = []
    ids: list[str] = []
    output = fal_client.subscribe(
        ENDPOINT,
        SMALL,
        with_logs=True,
        on_enqueue=ids.append,
        on_queue_update=lambda update: seen.append(type(update).__name__),
    )
    return {"output": output, "seen": list(dict.fromkeys(seen)), "ids": ids}


def by_hand() -> dict[str, Any]:
    handle = fal_client.submit(ENDPOINT, SMALL, webhook_url="http://127.0.0.1:9/x?a=1&b=2", priority="low")
    first = type(handle.status(with_logs=True)).__name__
    events = [type(event).__name__ for event in handle.iter_events(with_logs=True, interval=0.05)]
    again: Any = fal_client.status(ENDPOINT, handle.request_id, with_logs=True)
    return {
        "first": first,
        "events": list(dict.fromkeys(events)),
        "metrics": again.metrics,
        "same": handle.get() == fal_client.result(ENDPOINT, handle.request_id),
    }


def cancelled() -> dict[str, Any]:
    handle = fal_client.submit(ENDPOINT, SMALL)
    handle.cancel()
    return failing(lambda: handle.get())


def failing(call: Any) -> dict[str, Any]:
    """Status and type of the error the client raises."""
    try:
        call()
    except fal_client.FalClientHTTPError as error:
        return {"status": error.status_code, "type": error.error_type}
    return {}


def uploads() -> dict[str, Any]:
    whole = fal_client.upload(picture(), "image/jpeg", file_name="a.jpg")
    parts = fal_client.upload(b"x" * 3_000_000, "application/octet-stream", file_name="big.bin")
    second_choice = fal_client.upload(picture(), "image/jpeg", file_name="b.jpg", repository="fal")
    output = fal_client.run(ENDPOINT, SMALL | {"image_url": whole})
    return {"whole": whole, "parts": parts, "second_choice": second_choice, "output": output}


async def asynchronous() -> dict[str, Any]:
    handle = await fal_client.submit_async(ENDPOINT, SMALL)
    output = await handle.get()
    url = await fal_client.upload_async(picture(), "image/jpeg", file_name="c.jpg")
    return {"output": output, "url": url}


def main() -> None:
    told = {
        "subscribe": subscribe(),
        "by_hand": by_hand(),
        "cancelled": cancelled(),
        "refused": failing(lambda: fal_client.subscribe(ENDPOINT, SMALL | {"num_frames": 5})),
        "uploads": uploads(),
        "stream": list(fal_client.stream(ENDPOINT, SMALL)),
        "asynchronous": asyncio.run(asynchronous()),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
