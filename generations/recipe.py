"""How a clip was made: everything needed to send fal the same input again, byte for byte.

Served as `recipe.json` and written into the MP4 as its comment. Add keys freely; when one changes its meaning or goes
away, raise VERSION.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from django.conf import settings

from generations.models import Generation, Image
from generations.parameters import ClipParams
from generations.states import Status

VERSION: Final = 1


class NotARecipe(ValueError):
    """The data is no recipe of ours."""


def recipe_of(clip: Generation) -> dict[str, Any]:
    """The recipe as plain JSON; `used` and `delivered` are null until the clip is ready.

    Reads `clip.image` and nothing else.
    """
    is_ready = clip.status == Status.SUCCEEDED
    return {
        **_asked(clip),
        "used": used_in(clip) if clip.used_seed is not None else None,
        "delivered": _delivered(clip) if is_ready else None,
    }


def recipe_for_saving(clip: Generation, *, source_sha256: str) -> dict[str, Any]:
    """What is written into the file before it is published: the inspection adds the facts to `delivered`.

    The file's own hash cannot stand inside it.
    """
    return {**_asked(clip), "used": used_in(clip), "delivered": {"source_sha256": source_sha256}}


def used_in(clip: Generation) -> dict[str, Any]:
    """The prompt and seed that fal says it worked with."""
    return {"prompt": clip.used_prompt, "seed": clip.used_seed}


def params_of(recipe: Mapping[str, Any]) -> ClipParams:
    """The parameters as they were sent: the same body goes out again. Raises NotARecipe."""
    try:
        if recipe["recipe"] != VERSION:
            raise NotARecipe(f"This is a recipe of version {recipe['recipe']}, not {VERSION}.")
        return ClipParams.from_json(recipe["input"])
    except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise NotARecipe("This is not a recipe.") from error


def params_as_used(recipe: Mapping[str, Any]) -> ClipParams:
    """The parameters that repeat the clip: the seed that was drawn, the prompt as it was expanded.

    Raises NotARecipe, also for the recipe of a clip that was never made.
    """
    params = params_of(recipe)
    used = recipe.get("used")
    if not isinstance(used, Mapping) or not {"prompt", "seed"} <= used.keys():
        raise NotARecipe("The clip of this recipe was never made.")
    # Expanding an expanded prompt again would change it.
    return replace(params, prompt=used["prompt"], seed=used["seed"], expand_prompt=False)


def picture_of(recipe: Mapping[str, Any], *, team: Any) -> Image | None:
    """The team's picture with the recipe's content, whatever its id is now."""
    sha256 = recipe.get("image", {}).get("sha256", "")
    return Image.objects.for_team(team).filter(sha256=sha256).first()


def _asked(clip: Generation) -> dict[str, Any]:
    return {
        "recipe": VERSION,
        "platform": {"name": "ltxplatform", "version": settings.VERSION},
        "clip": str(clip.pk),
        "created_at": clip.created_at.isoformat(),
        "endpoint": f"{settings.FAL_MODEL}/image-to-video",
        # fal's names and types; image_url is filled in with an address of the picture below.
        "input": clip.params,
        "image": {
            "id": str(clip.image_id),
            "sha256": clip.image.sha256,
            "size": clip.image.size,
            "content_type": clip.image.content_type,
            "width": clip.image.width,
            "height": clip.image.height,
        },
    }


def _delivered(clip: Generation) -> dict[str, Any]:
    return {
        "source_sha256": clip.source_sha256,
        "sha256": clip.video_sha256,
        "size": clip.video_size,
        "width": clip.width,
        "height": clip.height,
        "frames": clip.frames,
        "duration_ms": clip.duration_ms,
    }
