"""What strangers send comes back as pixels or not at all, and the site's own process never looks at it."""

import io
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from intake import imaging
from tests.intake.pictures import CORPUS, GPS, encoded, exif, flipped, jpeg, largest_webp, png_bomb, scene

each_file = pytest.mark.parametrize("name", list(CORPUS))


def refused(data: bytes) -> str:
    """Why a file is not taken; empty if it is."""
    try:
        imaging.clean(data)
    except imaging.ImagingError as error:
        return str(error)
    return ""


@each_file
def test_a_file_is_made_anew_or_refused_for_the_right_reason(name: str) -> None:
    make, reason = CORPUS[name]
    data = make()
    if reason:
        assert refused(data) == reason or (reason == "damaged" and refused(data) == "kind")
        return
    picture = imaging.clean(data)
    assert picture.whole != data
    for out in (picture.whole, picture.small):
        assert imaging.only_pixels(out)
        assert b"CANARY" not in out
        assert GPS not in out
    with Image.open(io.BytesIO(picture.whole)) as made:
        assert (made.format, made.mode, made.size) == ("JPEG", "RGB", (picture.width, picture.height))
        assert not made.getexif()
        assert set(made.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright(orientation: int) -> None:
    """Red top left, green top right: whichever way the camera was held."""
    upright = Image.new("RGB", (400, 200), "white")
    upright.paste("red", (0, 0, 200, 100))
    upright.paste("lime", (200, 0, 400, 100))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    held = upright.transpose(undo[orientation]) if orientation in undo else upright
    picture = imaging.clean(encoded(picture=held, exif=exif(orientation), quality=95))
    with Image.open(io.BytesIO(picture.whole)) as made:
        assert made.size == (400, 200)
        left, right = made.getpixel((100, 50)), made.getpixel((300, 50))
    assert left[0] > 200 > 60 > left[1]  # type: ignore[index]
    assert right[1] > 200 > 60 > right[0]  # type: ignore[index]


def test_a_large_photo_is_made_smaller() -> None:
    picture = imaging.clean(encoded(picture=scene(4000, 3000), quality=60))
    assert (picture.width, picture.height) == (2560, 1920)
    with Image.open(io.BytesIO(picture.small)) as small:
        assert max(small.size) == 480


def test_hints_are_gentle_words() -> None:
    assert imaging.clean(encoded(picture=scene(900, 700))).hints == ()
    dark = imaging.clean(encoded(picture=scene(900, 700).point(lambda v: v // 9)))
    assert "dark" in dark.hints
    assert imaging.clean(encoded(picture=Image.linear_gradient("L").resize((900, 900)))).hints == ("blurred",)
    assert "small" in imaging.clean(encoded(picture=scene(300, 300))).hints


def test_eighty_damaged_files_do_no_harm() -> None:
    rng, taken, good = random.Random(4), 0, encoded(picture=scene(240, 180), exif=exif())
    for _turn in range(80):
        data = flipped(good, rng)
        try:
            picture = imaging.clean(data)
        except imaging.ImagingError:
            continue
        taken += 1
        assert imaging.only_pixels(picture.whole)
    assert 8 < taken < 80  # both ways were walked


def test_one_decoder_serves_many() -> None:
    imaging.clean(jpeg())
    first = imaging.decoder.process
    refused(png_bomb(13_000))
    imaging.clean(jpeg())
    assert imaging.decoder.process is first


def test_the_decoder_comes_back_after_it_was_killed() -> None:
    imaging.clean(jpeg())
    first = imaging.decoder.process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    first.wait(5)
    assert imaging.clean(jpeg()).width == 640
    assert imaging.decoder.process is not first


def test_the_sites_process_does_not_grow() -> None:
    """Bombs and the largest photos there may be are another process's memory. WebP is the format that takes most of it."""
    big, bomb = largest_webp(), png_bomb(20_000)
    imaging.clean(jpeg())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert imaging.clean(big).width == 2560
    assert refused(bomb) == "pixels"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 40_000  # kB; one decoded picture would be 120,000


def test_a_bomb_is_refused_at_once() -> None:
    imaging.clean(jpeg())
    begun = time.monotonic()
    assert refused(png_bomb(13_000)) == "pixels"
    assert time.monotonic() - begun < 2


@pytest.mark.skipif(sys.platform != "linux", reason="another process's environment and files can be looked at on Linux only")
def test_the_decoder_knows_nothing_of_the_site() -> None:
    imaging.clean(jpeg())
    assert imaging.decoder.process is not None
    place = Path(f"/proc/{imaging.decoder.process.pid}")
    told = (place / "environ").read_bytes()
    assert b"KEY" not in told
    assert b"postgres" not in told
    opened = {os.readlink(handle) for handle in (place / "fd").iterdir()}
    assert sum(name.startswith("socket:") for name in opened) == 1  # the one it gets its jobs from


@pytest.mark.parametrize("tail", [b"", b"\xff\xd9x", b"PK\x03\x04"], ids=["no end", "after the end", "a ZIP behind"])
def test_what_comes_back_is_checked_too(tail: bytes) -> None:
    """Should a child be taken over, it still cannot hand the site anything but a plain JPEG."""
    good = imaging.clean(jpeg()).whole
    assert imaging.only_pixels(good)
    assert not imaging.only_pixels(good[:-2] + tail if not tail else good + tail)
    for marker in (0xE1, 0xE2, 0xED, 0xFE):
        assert not imaging.only_pixels(good[:2] + bytes([0xFF, marker]) + b"\0\x06abcd" + good[2:])
