"""What the supervisor puts into each queue to see whether it moves."""

from ltxplatform.operations.models import QueuePing


def answer_ping(*, queue: str, **_: object) -> None:
    QueuePing.stamp(queue)
