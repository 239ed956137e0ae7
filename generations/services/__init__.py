"""The front door of the app: every interface imports from here."""

from generations.services.cancellation import CancelOutcome, GenerationNotFound, cancel_generation
from generations.services.images import ImageRefused, store_image
from generations.services.line import places_in_line
from generations.services.submission import KeyReused, SubmitResult, submit_generation

__all__ = [
    "CancelOutcome",
    "GenerationNotFound",
    "ImageRefused",
    "KeyReused",
    "SubmitResult",
    "cancel_generation",
    "places_in_line",
    "store_image",
    "submit_generation",
]
