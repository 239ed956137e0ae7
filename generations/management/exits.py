"""How the `ltx` command ends, for scripts that call it."""

from enum import IntEnum

from django.core.management.base import CommandError


class Exit(IntEnum):
    DONE = 0
    UNEXPECTED = 1
    BAD_INPUT = 2
    NO_CREDITS = 3
    REFUSED = 4
    FAILED = 5
    TIME_UP = 6
    CANCELED = 7


MEANINGS = {
    Exit.DONE: "done",
    Exit.UNEXPECTED: "something unexpected",
    Exit.BAD_INPUT: "an option, the picture or the prompt is not valid",
    Exit.NO_CREDITS: "not enough credit",
    Exit.REFUSED: "the content was refused",
    Exit.FAILED: "it failed at fal; nothing was charged",
    Exit.TIME_UP: "the time was up: the clip continues and its id is printed, or it expired in line",
    Exit.CANCELED: "canceled; Ctrl-C cancels the clip, not only the command",
}


def stop(code: Exit, message: str) -> CommandError:
    return CommandError(message, returncode=int(code))
