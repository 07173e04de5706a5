"""Looking after the files of photos: is each there, does it open, is one left over?"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from intake import crypto, photos
from intake.errors import IntakeError
from intake.models import Photo


def every_photo() -> Iterator[Photo]:
    """All of them, a few at a time."""
    return Photo.objects.order_by("pk").iterator(chunk_size=200)


def trouble_with(photo: Photo, names: Iterable[str], *, opened: bool) -> str:
    """What is wrong with a photo's files; empty if nothing. With `opened` they are decrypted, which shows nobody anything."""
    for name in names:
        if not photos.store().exists(name):
            return "a file is not there"
        if not opened:
            continue
        small = name == photo.small_name
        try:
            with photos.store().open(name) as file:
                crypto.unseal(
                    file.read(),
                    key_id=photo.small_key_id if small else photo.key_id,
                    label=photos.SMALL if small else photos.WHOLE,
                    owner=photo.public_id,
                )
        except (OSError, IntakeError):
            return "a file does not open"
    return ""


def left_over(known: set[str], *, older_than: datetime) -> list[str]:
    """Files that belong to no row and are old enough not to be on their way to one."""
    try:
        _folders, names = photos.store().listdir("")
    except FileNotFoundError:
        return []
    return [name for name in names if name not in known and photos.store().get_modified_time(name) < older_than]
