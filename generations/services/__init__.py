"""The front door of the app: every interface imports from here."""

from generations.services.batch_orders import order_batch, price_clips, promise_batch
from generations.services.batches import (
    BatchNotFound,
    BatchProgress,
    BatchResult,
    cancel_batch,
    progress_of,
    submit_batch,
)
from generations.services.breaker import is_paused, try_now
from generations.services.cancellation import CancelOutcome, GenerationNotFound, cancel_generation
from generations.services.derived import (
    NotPossible,
    basis_of,
    derive_generation,
    prompt_limit,
    refuse_impossible,
    submit_variation,
    why_not,
)
from generations.services.editing import KEEP, edit_generation
from generations.services.frames import LAST, FilesGone, FrameChoice, picture_from_clip
from generations.services.images import ImageRefused, store_image
from generations.services.line import places_in_line
from generations.services.lines import set_weight
from generations.services.picture_import import (
    PictureNotFetched,
    import_picture,
    import_pictures,
    submit_with_address,
)
from generations.services.queueing import (
    UpstreamPaused,
    may_change,
    move_generation,
    pause_generation,
    refuse_when_full,
    resume_generation,
    run_next,
)
from generations.services.submission import KeyReused, Order, SubmitResult, submit_generation

__all__ = [
    "KEEP",
    "LAST",
    "BatchNotFound",
    "BatchProgress",
    "BatchResult",
    "CancelOutcome",
    "FilesGone",
    "FrameChoice",
    "GenerationNotFound",
    "ImageRefused",
    "KeyReused",
    "NotPossible",
    "Order",
    "PictureNotFetched",
    "SubmitResult",
    "UpstreamPaused",
    "basis_of",
    "cancel_batch",
    "cancel_generation",
    "derive_generation",
    "edit_generation",
    "import_picture",
    "import_pictures",
    "is_paused",
    "may_change",
    "move_generation",
    "order_batch",
    "pause_generation",
    "picture_from_clip",
    "places_in_line",
    "price_clips",
    "progress_of",
    "promise_batch",
    "prompt_limit",
    "refuse_impossible",
    "refuse_when_full",
    "resume_generation",
    "run_next",
    "set_weight",
    "store_image",
    "submit_batch",
    "submit_generation",
    "submit_variation",
    "submit_with_address",
    "try_now",
    "why_not",
]
