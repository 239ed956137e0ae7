"""What a program that follows a clip is told, as server-sent events."""

import json
from dataclasses import dataclass, replace
from typing import Any, Final

from rest_framework.utils.encoders import JSONEncoder

from accounts.models import Team
from generations import api_output
from generations.models import Generation
from generations.selectors import clips_of
from generations.states import Status

CONTENT_TYPE: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Told:
    """What one stream has told so far. `event_id` is the last change of state; the rest is told when it differs."""

    event_id: int = 0
    queue: str = ""
    log: str = ""
    cost: str = ""
    waits_in_line: bool = False
    is_done: bool = False


def news_of(clip: Generation, told: Told, absolute: api_output.Absolute) -> tuple[list[str], Told]:
    """The events a stream still has to send, and what it has told then.

    `status`: each change of state, with an id to resume from. `queue`, `log`, `cost`: as they are now. `done`: the
    whole clip, once, as the last.
    """
    shown = api_output.detail(clip, absolute)
    changes = list(clip.events.all())
    fresh = [change for change in changes if change.pk > told.event_id]
    sent = [event("status", api_output.change_of_state(change), number=change.pk) for change in fresh]
    now = replace(
        told,
        event_id=max([told.event_id, *(change.pk for change in changes)]),
        queue=_json({**shown["queue"], "progress": shown["progress"]}),
        log=_json({"lines": shown["logs"]}),
        cost=_json(shown["cost"]),
        waits_in_line=clip.status == Status.QUEUED,
    )
    if now.queue != told.queue:
        # The expected time goes along; it shrinks every second and is no news by itself.
        sent.append(event("queue", {**json.loads(now.queue), "eta": shown["eta"]}))
    sent += [
        event(name, text)
        for name, text in (("log", now.log), ("cost", now.cost))
        if text != getattr(told, name)
    ]
    if clip.is_terminal and not told.is_done:
        sent.append(event("done", shown, number=now.event_id))
        now = replace(now, is_done=True)
    return sent, now


def look_up(team: Team, pk: Any) -> Generation | None:
    return clips_of(team).filter(pk=pk).first()


def was_told_all(clip: Generation, last_event_id: int) -> bool:
    """Whether somebody who resumes after `last_event_id` has nothing more to hear."""
    return clip.is_terminal and not clip.events.filter(pk__gt=last_event_id).exists()


def last_event_id(text: str) -> int:
    """The number in a Last-Event-ID header; 0 for none and for nonsense, which begins at the beginning."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def event(name: str, data: Any, *, number: int | None = None) -> str:
    lines = [f"event: {name}", f"data: {data if isinstance(data, str) else _json(data)}"]
    if number is not None:
        lines.insert(0, f"id: {number}")
    return "\n".join(lines) + "\n\n"


def _json(data: Any) -> str:
    return json.dumps(data, cls=JSONEncoder, ensure_ascii=False)
