"""Pictures for the tests, good and hostile, made in code. Nothing here is a photo of anybody."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pillow_heif
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

GPS = b"CANARY-GPS-43.4516"
SCRIPT = b"<script>alert('CANARY-HTML')</script>"


def scene(width: int = 640, height: int = 480, mode: str = "RGB") -> Image.Image:
    """Something with edges and light: noise over a slope."""
    noise = Image.effect_noise((width // 4, height // 4), 70).resize((width, height))
    slope = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (noise, slope, noise)).convert(mode)


def encoded(kind: str = "JPEG", picture: Image.Image | None = None, **options: Any) -> bytes:
    """A picture as a file."""
    held = io.BytesIO()
    (picture or scene()).save(held, kind, **options)
    return held.getvalue()


@lru_cache
def jpeg() -> bytes:
    """A good photo."""
    return encoded(picture=scene(), quality=85)


def exif(orientation: int = 1) -> bytes:
    """What a phone writes beside the pixels: place, maker, owner, and which way up."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "CANARY-MAKER"
    tags[0x8298] = "CANARY-OWNER"
    tags.get_ifd(0x8825).update({1: "N", 2: (43.0, 27.0, 5.8), 3: "W", 4: (80.0, 29.0, 33.0), 29: GPS.decode()})
    return tags.tobytes()


def heic(**options: Any) -> bytes:
    """What an iPhone sends."""
    return _heif(scene(640, 480), **options)


def _heif(picture: Image.Image, **options: Any) -> bytes:
    held = io.BytesIO()
    pillow_heif.from_pillow(picture).save(held, quality=70, **options)
    return held.getvalue()


@lru_cache
def png_bomb(side: int) -> bytes:
    """A PNG of side × side dots, a few kilobytes long."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack("!I", len(body)) + name + body + struct.pack("!I", zlib.crc32(name + body))

    packer, body = zlib.compressobj(9), b""
    for _line in range(side):
        body += packer.compress(bytes(1 + side // 8 + 1))
    body += packer.flush()
    head = struct.pack("!IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def largest_webp() -> bytes:
    """50 Mpx of one colour, in 38 bytes."""
    return encoded("WEBP", Image.new("RGB", (8165, 6123), (180, 140, 120)), lossless=True, method=0)


def zipped() -> bytes:
    """A ZIP with a page inside."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("index.html", SCRIPT)
    return held.getvalue()


def animated(kind: str) -> bytes:
    """A picture of several."""
    frames = [scene(300, 200).rotate(10 * turn) for turn in range(6)]
    return encoded(kind, frames[0], save_all=True, append_images=frames[1:])


def with_comment(length: int) -> bytes:
    """A JPEG that carries a text."""
    good = jpeg()
    return good[:2] + b"\xff\xfe" + struct.pack("!H", length) + b"CANARY-COMMENT" + bytes(length - 16) + good[2:]


def _text_png() -> bytes:
    text = PngInfo()
    text.add_text("Comment", "CANARY-PNG-TEXT", zip=True)
    return encoded("PNG", pnginfo=text, exif=exif())


def _profile(picture: Image.Image, space: str) -> bytes:
    return encoded(picture=picture, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes())  # type: ignore[arg-type]


# name → (file, what becomes of it): "" is taken, anything else is the reason it is not.
CORPUS: dict[str, tuple[Callable[[], bytes], str]] = {
    "good JPEG": (jpeg, ""),
    "progressive": (lambda: encoded(progressive=True), ""),
    "grey": (lambda: encoded(picture=scene(mode="L")), ""),
    "CMYK": (lambda: encoded(picture=scene(mode="CMYK")), ""),
    "sRGB profile": (lambda: _profile(scene(), "sRGB"), ""),
    "broken profile": (lambda: encoded(icc_profile=b"CANARY-ICC" * 40), ""),
    "place and owner": (lambda: encoded(exif=exif()), ""),
    "64 KB comment": (lambda: with_comment(65_500), ""),
    "JPEG + HTML": (lambda: jpeg() + SCRIPT, ""),
    "JPEG + ZIP": (lambda: jpeg() + zipped(), ""),
    "PNG": (lambda: encoded("PNG"), ""),
    "PNG with texts": (_text_png, ""),
    "PNG, see-through": (lambda: encoded("PNG", scene(mode="RGBA")), ""),
    "PNG, palette": (lambda: encoded("PNG", scene().quantize(16)), ""),
    "PNG, black and white": (lambda: encoded("PNG", scene(mode="1")), ""),
    "PNG, 16 bit": (lambda: encoded("PNG", scene(mode="L").convert("I;16")), ""),
    "APNG": (lambda: animated("PNG"), ""),
    "WebP": (lambda: encoded("WEBP"), ""),
    "animated WebP": (lambda: animated("WEBP"), ""),
    "HEIC": (heic, ""),
    "HEIC with place": (lambda: heic(exif=exif()), ""),
    "bomb, 169 Mpx": (lambda: png_bomb(13_000), "pixels"),
    "bomb, 400 Mpx": (lambda: png_bomb(20_000), "pixels"),
    "empty": (lambda: b"", "empty"),
    "one byte": (lambda: b"\xff", "kind"),
    "GIF + script": (lambda: b"GIF89a/*" + encoded("GIF", scene(90, 90))[6:] + b"*/=1;alert(1)", "kind"),
    "real GIF": (lambda: encoded("GIF", scene(90, 90)), "kind"),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "kind"),
    "TIFF": (lambda: encoded("TIFF"), "kind"),
    "BMP": (lambda: encoded("BMP", scene(90, 90)), "kind"),
    "PDF": (lambda: b"%PDF-1.7\n%%EOF\n", "kind"),
    "HTML": (lambda: b"<!doctype html>" + SCRIPT, "kind"),
    "ZIP": (zipped, "kind"),
    "EICAR": (lambda: rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*", "kind"),
    "PostScript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "kind"),
    "MP4": (lambda: b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(300), "kind"),
    "AVIF": (lambda: b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(300), "kind"),
    "JPEG head only": (lambda: jpeg()[:20], "kind"),
    "half a JPEG": (lambda: jpeg()[: len(jpeg()) // 2], "damaged"),
    "half a PNG": (lambda: encoded("PNG")[:9000], "damaged"),
    "half a WebP": (lambda: encoded("WEBP")[:4000], "damaged"),
    "half a HEIC": (lambda: heic()[:6000], "damaged"),
    "too large": (lambda: jpeg() + bytes(15 * 1024 * 1024 + 1 - len(jpeg())), "size"),
}


def flipped(data: bytes, rng: random.Random) -> bytes:
    """The file with some bytes changed, cut out or doubled."""
    bad = bytearray(data)
    for _time in range(rng.choice((1, 1, 2, 5, 40))):
        at = rng.randrange(len(bad))
        what = rng.random()
        if what < 0.8:
            bad[at] = rng.randrange(256)
        elif what < 0.9:
            del bad[at : at + rng.randrange(1, 64)]
        else:
            bad[at:at] = bad[at : at + rng.randrange(1, 64)]
        if len(bad) < 2:
            break
    return bytes(bad)
