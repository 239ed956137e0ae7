"""What a program asks for, and what it finds once it is there."""

from typing import Any

from django.utils import timezone

from generations.models import Generation, Image
from generations.services.states import advance
from generations.states import Status


def wish(image: Image, **more: Any) -> dict[str, Any]:
    return {"prompt": "A boat drifts over a calm lake", "image": str(image.pk), **more}


def delivered(clip: Generation) -> Generation:
    """The clip as if fal had rendered it, through the states and their money."""
    now = timezone.now()
    for status in (Status.DISPATCHING, Status.PROCESSING, Status.FINALIZING):
        advance(generation_id=clip.pk, to=status, now=now)
    ready = advance(
        generation_id=clip.pk,
        to=Status.SUCCEEDED,
        now=now,
        used_prompt="A boat drifts",
        used_seed=7,
        video="clips/a.mp4",
        poster="clips/a.jpg",
        video_sha256="0" * 64,
        video_size=1234,
        width=640,
        height=360,
        frames=clip.params["num_frames"],
        duration_ms=375,
    )
    assert ready is not None
    return ready
