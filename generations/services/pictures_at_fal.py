"""fal's copy of a picture: uploaded when first needed, used again until it expires there."""

from datetime import datetime, timedelta
from typing import Final

from generations import fal_gateway
from generations.models import Image

# A copy must outlive the job that names it.
SPARE_LIFE: Final = timedelta(hours=6)


def picture_url(image: Image, *, key: str, now: datetime) -> str:
    """The picture's address at fal. Raises FalError, OSError when our own file cannot be read.

    Two workers may upload the same picture at once; either address serves.
    """
    if image.fal_url and image.fal_url_expires_at and image.fal_url_expires_at > now + SPARE_LIFE:
        return image.fal_url
    with image.file.open("rb") as content:
        url = fal_gateway.upload_picture(
            key=key,
            content=content,
            content_type=image.content_type,
            file_name=image.file.name.rpartition("/")[2],
        )
    expires_at = now + timedelta(seconds=fal_gateway.PICTURE_LIFE_SECONDS)
    Image.objects.filter(pk=image.pk).update(fal_url=url, fal_url_expires_at=expires_at)
    return url
