"""Clips in the creators' words: what happens, how long it takes, what it costs, how it was made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zlib import crc32

from django.contrib.humanize.templatetags.humanize import naturaltime, ordinal
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import Truncator

from generations.eta_words import range_words
from generations.failures import failure_of, sentence_of
from generations.media_links import media_url
from generations.models import Generation, Image
from generations.parameters import ClipParams
from generations.services import is_paused, places_in_line
from generations.services.eta import Eta, expected_of
from generations.services.retention import deletion_date
from generations.states import RELEASING, Status

SHORT_SIDE: Final = {"480p": 480, "720p": 720}
RATIOS: Final = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1)}
# The stage is drawn in units of this long side; the style sheet scales it.
STAGE: Final = 1600
EXCERPT: Final = 140
TIMES: Final = "\u00d7"
DIVIDED: Final = "\u00f7"
# How often a page asks about a clip when nobody tells it, in milliseconds.
SAVING_POLL: Final = 500
POLL: Final = 1000


@dataclass(frozen=True, slots=True)
class PictureView:
    """A picture with its addresses."""

    image: Image

    @property
    def pk(self) -> UUID:
        return self.image.pk

    @property
    def name(self) -> str:
        return self.image.original_name

    @property
    def file(self) -> str:
        return media_url(self.image, "file")

    @property
    def thumbnail(self) -> str:
        return media_url(self.image, "thumbnail")


@dataclass(frozen=True, slots=True)
class ClipView:
    """One clip as pages show it; `place` is its place in the platform's own line, when it waits there.

    `held_up`: nothing at all is sent to the renderer at present. `eta`: when it should be ready, while it is not.
    """

    clip: Generation
    place: int | None = None
    held_up: bool = False
    eta: Eta | None = None

    @property
    def title(self) -> str:
        return str(self.clip.params["prompt"])

    @property
    def excerpt(self) -> str:
        return Truncator(self.title).chars(EXCERPT)

    @property
    def expanded_prompt(self) -> str:
        """The text the model used, where it is another than was written."""
        return self.clip.used_prompt if self.clip.used_prompt != self.title else ""

    @property
    def params(self) -> ClipParams:
        return self.clip.clip_params

    @property
    def word(self) -> str:
        """What the badge says where more is known than the status; "" leaves its usual word."""
        match self.clip.status:
            case Status.QUEUED if self.paused:
                return "Paused"
            case Status.QUEUED if self.place:
                return f"{ordinal(self.place)} in line"
            case Status.PROCESSING if self._waits_at_provider:
                return "Starting"
            case Status.PROCESSING if self.clip.progress:
                return f"Rendering {self.clip.progress} %"
            case Status.SUCCEEDED if not self.has_files:
                return "Files deleted"
        return "Canceling" if self.cancel_pending else ""

    @property
    def sentence(self) -> str:
        """What is going on, or what went wrong."""
        if self.clip.status in RELEASING and self.clip.failure_code:
            return sentence_of(self.clip.failure_code, self.clip.failure_context)
        if self.cancel_pending:
            return "Asked to cancel. If rendering can still be stopped, nothing is charged."
        match self.clip.status:
            case Status.QUEUED if self.paused:
                return PAUSED_SENTENCES[self.paused]
            case Status.PROCESSING if self._waits_at_provider:
                return f"{_others(self.clip.queue_position)} ahead of this one at the renderer."
            case Status.SUCCEEDED:
                return self._files_sentence
            case _:
                return SENTENCES.get(Status(self.clip.status), "")

    @property
    def paused(self) -> str | None:
        """Who keeps a waiting clip from being sent: "by_member", "by_service" or nobody."""
        if self.clip.status != Status.QUEUED:
            return None
        if self.clip.paused_at is not None:
            return "by_member"
        return "by_service" if self.held_up else None

    @property
    def wait(self) -> str:
        """When it should be ready; "" where that cannot be told."""
        if self.eta is not None and self.eta.is_overdue:
            return "Taking longer than usual"
        words = range_words(self.eta)
        return f"Ready in {words}" if words else ""

    @property
    def percent(self) -> int | None:
        """Rendered so far; None where only that something goes on is known."""
        rendering = self.clip.status == Status.PROCESSING and not self._waits_at_provider
        return self.clip.progress if rendering and self.clip.progress else None

    @property
    def cancel_pending(self) -> bool:
        return self.clip.cancel_requested_at is not None and not self.clip.is_terminal

    @property
    def is_ready(self) -> bool:
        return self.clip.status == Status.SUCCEEDED

    @property
    def has_files(self) -> bool:
        """Ready, and not deleted by the team's rule since."""
        return self.is_ready and self.clip.media_deleted_at is None

    @property
    def delete_after(self) -> datetime | None:
        """When the team's rule will delete its files; needs `clip.team.retention`, as `clips_of` brings it."""
        rule = getattr(self.clip.team, "retention", None)
        return deletion_date(self.clip, rule.keep_days if rule is not None else None)

    @property
    def recipe_url(self) -> str:
        return reverse("generations:recipe", args=[self.clip.team.slug, self.clip.pk])

    @property
    def may_retry(self) -> bool:
        return self.clip.status in RELEASING

    @property
    def retry_words(self) -> str:
        """Trying the same again helps after some failures only."""
        same = not self.clip.failure_code or failure_of(self.clip.failure_code).retryable
        return "Try again" if same else "Change and try again"

    @property
    def seconds(self) -> str:
        """How long the clip plays; before it is ready, how long it will."""
        return _seconds(
            self.clip.duration_ms / 1000 if self.clip.duration_ms else played_seconds(self.params)
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in the proportions of the clip, known from the first moment."""
        if self.clip.width and self.clip.height:
            return _scaled(self.clip.width, self.clip.height)
        return _scaled(*output_size(self.clip.image, self.params))

    @property
    def poster(self) -> str:
        """The clip's poster, or the picture it starts from."""
        return media_url(self.clip, "poster") or media_url(self.clip.image, "thumbnail")

    @property
    def preview(self) -> str:
        """The small loop, or the clip itself until that is drawn."""
        return media_url(self.clip, "preview") or media_url(self.clip, "video") if self.is_ready else ""

    @property
    def picture(self) -> PictureView:
        return PictureView(self.clip.image)

    @property
    def video(self) -> str:
        return media_url(self.clip, "video")

    @property
    def download(self) -> str:
        return media_url(self.clip, "video", download=True)

    @property
    def poll(self) -> int:
        """Milliseconds until a page asks again that no stream tells of changes; 0 once nothing changes any more."""
        if self.clip.is_terminal:
            return 0
        return SAVING_POLL if self.clip.status == Status.FINALIZING else POLL

    @property
    def version(self) -> str:
        """Changes whenever something that pages show has changed."""
        clip = self.clip
        said = (
            str(clip.status),
            clip.progress,
            clip.queue_position,
            self.cancel_pending,
            self.place,
            self.paused,
            clip.logs,
        )
        return f"{clip.status}-{crc32(repr(said).encode()):08x}"

    @property
    def log_lines(self) -> list[str]:
        return [_log_line(line) for line in self.clip.logs[-5:]]

    @property
    def maker(self) -> str:
        return self.clip.created_by.get_short_name() if self.clip.created_by else "a former member"

    @property
    def byline(self) -> str:
        return f"{self.maker}, {naturaltime(self.clip.created_at)}"

    @property
    def tile_note(self) -> str:
        """Clips of a batch are told apart by their seeds, where these were chosen."""
        seed = self.clip.params.get("seed") if self.clip.batch_id else None
        return " · ".join(
            filter(None, [self.wait or self.byline, f"seed {seed}" if seed is not None else ""])
        )

    @property
    def cost(self) -> int | None:
        """µ$ held or charged; None for a clip that cost nothing."""
        return None if self.clip.status in RELEASING else self.clip.price

    @property
    def elapsed(self) -> str:
        """From submission until now, or until it ended."""
        return duration((self.clip.ended_at or timezone.now()) - self.clip.created_at)

    @property
    def again(self) -> str:
        """The create form with this clip's picture and settings."""
        return f"{reverse('generations:create', args=[self.clip.team.slug])}?from={self.clip.pk}"

    @property
    def _files_sentence(self) -> str:
        if self.clip.media_deleted_at is not None:
            day = date_format(self.clip.media_deleted_at, "j F Y")
            return (
                f"Its files were deleted on {day} by your team's retention rule. "
                "Its recipe is kept, so you can make it again."
            )
        if self.delete_after is None:
            return ""
        return f"Its files are kept until {date_format(self.delete_after, 'j F Y')}, by your team's retention rule."

    @property
    def _waits_at_provider(self) -> bool:
        return self.clip.queue_position is not None and self.clip.started_at is None


PAUSED_SENTENCES: Final = {
    "by_member": "Paused. It keeps its place and its price, and is sent once it is resumed.",
    "by_service": "Paused by the service. Its place and price are kept, and it continues automatically.",
}
SENTENCES: Final = {
    Status.IN_REVIEW: "A person reviews this clip before it is made. Its place and its price are kept.",
    Status.QUEUED: "Waiting for a free slot. The price is held and does not change.",
    Status.DISPATCHING: "On its way to the renderer.",
    Status.PROCESSING: "Rendering. You can leave this page: the clip will be here.",
    Status.FINALIZING: "Rendered. Saving it to your clips.",
    Status.CANCELED: "This clip was canceled.",
    Status.EXPIRED: "The clip did not start in time and was removed from the line. Try again.",
    Status.REJECTED: "This clip was not approved.",
    Status.FAILED: "This clip could not be made.",
}


def views_of(clips: Sequence[Generation]) -> list[ClipView]:
    """Clips with their places in line and expected times; two queries more when any of them waits."""
    waiting = [clip for clip in clips if clip.status == Status.QUEUED]
    places = places_in_line(waiting) if waiting else {}
    held_up = is_paused() if waiting else False
    etas = expected_of(clips, places, now=timezone.now())
    return [ClipView(clip, places.get(clip.pk), held_up, etas.get(clip.pk)) for clip in clips]


def output_size(image: Image, params: ClipParams) -> tuple[int, int]:
    """Pixels of the clip this picture becomes; "auto" keeps the picture's proportions."""
    across, down = RATIOS.get(params.aspect_ratio, (image.width, image.height))
    short = SHORT_SIDE[params.resolution]
    return (round(short * across / down), short) if across >= down else (short, round(short * down / across))


def size_warning(image: Image | None, params: ClipParams) -> str:
    """A caution when the picture has fewer pixels than the clip, or ""."""
    if image is None:
        return ""
    width, height = output_size(image, params)
    if image.width >= width and image.height >= height:
        return ""
    smaller = "480p or a larger picture" if params.resolution == "720p" else "A larger picture"
    return (
        f"The picture has {image.width} {TIMES} {image.height} pixels, the clip {width} {TIMES} {height}: "
        f"it may look soft. {smaller} would be sharper."
    )


def played_seconds(params: ClipParams) -> Decimal:
    """How long the clip plays; billing counts frames instead (`billed_seconds` of the quote)."""
    return Decimal(params.num_frames) / params.frame_rate


def duration(span: timedelta) -> str:
    """ "4.2 s", "1 min 20 s", "2 h 5 min"."""
    seconds = max(span.total_seconds(), 0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _others(count: int | None) -> str:
    return "No clip is" if not count else f"{count} clip{'' if count == 1 else 's'}"


def _seconds(value: float | Decimal) -> str:
    return f"{value:.2f} s"


def _scaled(width: int, height: int) -> tuple[int, int]:
    factor = STAGE / max(width, height)
    return max(round(width * factor), 1), max(round(height * factor), 1)


def _log_line(line: Any) -> str:
    return str(line.get("message", "")) if isinstance(line, dict) else str(line)
