"""The process that decodes pictures. Run as a script, never imported by the site: it knows no settings, keys or database.

It loads the decoders once, then waits on a socket (file descriptor 0) for jobs. Each job is another socket, sent over the
first one. For each a child is forked, which gives up files and network, reads one picture, and answers with pixels encoded
anew. This process itself never looks at a byte that a stranger sent.
"""

import contextlib
import io
import json
import os
import resource
import signal
import socket
import struct
import sys
import warnings
from typing import Any

import pillow_heif
from PIL import Image, ImageCms, ImageFilter, ImageOps, ImageStat

LONGEST, SMALL, QUALITY = 2560, 480, 88
MAX_PIXELS = 50_000_000
MAX_BYTES = 15 * 1024 * 1024
MEMORY = 660 * 1024 * 1024  # beside the code and tables that are mapped before a picture comes
SECONDS, ON_THE_CLOCK = 10, 20  # of computing; and in all, for a machine that does other things meanwhile
AT_ONCE = 2
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
# Pillow's names of what it opens with these; MPO is a JPEG with a second picture behind it, as some phones make.
KINDS = {"JPEG", "MPO", "PNG", "WEBP", "HEIF"}
DARK, BLURRED, TINY = 45.0, 12.0, 600


class Refused(Exception):
    """Not a picture we take; the argument is the word of `intake.imaging` for why."""


def prepare() -> None:
    """Load every decoder while files may still be opened."""
    pillow_heif.register_heif_opener(thumbnails=False)
    pillow_heif.options.DECODE_THREADS = 1
    Image.preinit()
    Image.init()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error")
    ImageCms.createProfile("sRGB")
    # The first use of each decoder sets up tables and, for HEIC, loads its plug-ins.
    tile = Image.new("RGB", (16, 16), "white")
    for name in FORMATS:
        held = io.BytesIO()
        with contextlib.suppress(Exception):
            tile.save(held, name)
            Image.open(io.BytesIO(held.getvalue()), formats=FORMATS).load()


def mapped() -> int:
    """Bytes of address space in use: libraries for the most part, hardly any of it memory. 0 where nobody tells."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def confine() -> None:
    """What the child may not do from here on: open anything, grow, run on, fork, leave a core."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, ON_THE_CLOCK)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    room = mapped() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # No file, socket or pipe can be opened any more; those that are open go on.
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def decode(data: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """One picture as pixels, upright, in sRGB, encoded anew.

    Returns:
        What is known of it, the JPEG (at most 2,560 px), and a small one for lists.

    Raises:
        Refused: not a picture, too many pixels, or damaged.
    """
    try:
        found = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused("pixels") from None
    except Exception:  # noqa: BLE001 (whatever a decoder makes of it, it is no picture)
        raise Refused("kind") from None
    if found.format not in KINDS:
        raise Refused("kind")
    width, height = found.size
    if width * height > MAX_PIXELS:
        raise Refused("pixels")
    try:
        return _encoded(found, min(width, height))
    except MemoryError:
        raise Refused("pixels") from None
    except Exception:  # noqa: BLE001 (the same)
        raise Refused("damaged") from None


def _encoded(found: Image.Image, shortest: int) -> tuple[dict[str, Any], bytes, bytes]:
    if found.format in {"JPEG", "MPO"}:
        found.draft(None, (LONGEST, LONGEST))  # A large JPEG is decoded at half or a quarter of its size.
    turn = found.getexif().get(0x0112, 1)
    profile = found.info.get("icc_profile")
    if found.format == "WEBP":
        found = _still(found)
    found.load()
    turn = found.getexif().get(0x0112, turn)
    picture = _srgb(found, found.info.get("icc_profile", profile))
    picture = ImageOps.exif_transpose(_tagged(picture, turn))
    # Nothing but numbers goes over: no profile, comment, thumbnail or text can.
    plain = Image.frombytes("RGB", picture.size, picture.tobytes())
    whole = io.BytesIO()
    plain.save(whole, "JPEG", quality=QUALITY, optimize=True)
    plain.thumbnail((SMALL, SMALL), Image.Resampling.LANCZOS)
    small = io.BytesIO()
    plain.save(small, "JPEG", quality=82, optimize=True)
    width, height = picture.size
    return {"width": width, "height": height, "hints": _hints(picture, shortest)}, whole.getvalue(), small.getvalue()


def _still(found: Any) -> Image.Image:
    """The first picture of a WebP. Pillow holds two more of the same size for animations; they are given back before the pixels
    become an image, and no copy is made of them, so that 50 Mpx fit."""
    pixels, _milliseconds = found._decoder.get_next()
    mode, size = found.rawmode, found.size
    found._decoder = None
    return Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1)


def _srgb(found: Image.Image, profile: bytes | None) -> Image.Image:
    """Three channels of sRGB, no longer than wanted. Made small first: that is the cheap way round for memory."""
    picture = found
    if picture.mode in {"I", "F"} or picture.mode.startswith("I;"):
        # 16 bits of grey: the upper eight are what a screen shows.
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if picture.mode in {"P", "1", "PA"} or "transparency" in picture.info:
        picture = picture.convert("RGBA" if "transparency" in picture.info or picture.mode == "PA" else "RGB")
    if picture.mode == "La":
        picture = picture.convert("LA")
    if max(picture.size) > LONGEST:
        picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    if picture.mode == "RGBX":
        picture = picture.convert("RGB")
    if picture.mode in {"RGBA", "LA"}:
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture.convert("RGB"), mask=picture.getchannel("A"))
        picture = white
    if profile and picture.mode in {"RGB", "CMYK", "L"}:
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
            if converted is not None:
                return converted
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _tagged(picture: Image.Image, turn: Any) -> Image.Image:
    """A copy that carries the way up and nothing else, for Pillow to apply."""
    plain = Image.frombytes("RGB", picture.size, picture.tobytes())
    if turn in range(2, 9):
        plain.getexif()[0x0112] = turn
    return plain


def _hints(picture: Image.Image, shortest: int) -> list[str]:
    """Small words about the picture: dark, blurred, small. Never a reason to refuse it."""
    grey = picture.convert("L")
    grey.thumbnail((640, 640), Image.Resampling.LANCZOS)
    found = []
    if ImageStat.Stat(grey).mean[0] < DARK:
        found.append("dark")
    edges = grey.filter(ImageFilter.Kernel((3, 3), [0, 1, 0, 1, -4, 1, 0, 1, 0], scale=1, offset=128))
    if min(edges.size) > 4 and ImageStat.Stat(edges.crop((1, 1, edges.width - 1, edges.height - 1))).var[0] < BLURRED:
        found.append("blurred")
    if shortest < TINY:
        found.append("small")
    return found


# --- One job ---------------------------------------------------------------------------------------------------------


def receive(job: socket.socket, count: int) -> bytes:
    """Exactly so many bytes."""
    parts = bytearray()
    while len(parts) < count:
        part = job.recv(min(1 << 20, count - len(parts)))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def work(job: socket.socket) -> None:
    """Read one picture from the socket, answer, done."""
    confine()
    (length,) = struct.unpack("!I", receive(job, 4))
    if length > MAX_BYTES:
        return
    try:
        known, whole, small = decode(receive(job, length))
    except Refused as why:
        known, whole, small = {"refused": str(why)}, b"", b""
    head = json.dumps(known).encode()
    job.sendall(struct.pack("!III", len(head), len(whole), len(small)) + head + whole + small)


def serve(control: socket.socket) -> None:
    """Fork a child for each job, at most two at a time. Ends when the site's process does."""
    alive: set[int] = set()
    while True:
        _data, handles, _flags, _address = socket.recv_fds(control, 1, 1)
        if not handles:
            break
        while alive:
            pid, _status = os.waitpid(-1, 0 if len(alive) >= AT_ONCE else os.WNOHANG)
            if not pid:
                break
            alive.discard(pid)
        pid = os.fork()
        if not pid:
            status = 1
            try:
                control.close()
                work(socket.socket(fileno=handles[0]))
                status = 0
            except (OSError, EOFError, MemoryError):
                pass
            finally:
                os._exit(status)
        alive.add(pid)
        for handle in handles:
            os.close(handle)
    for pid in alive:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


if __name__ == "__main__":
    prepare()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the site's to answer; this ends with it.
    serve(socket.socket(fileno=0))
    sys.exit(0)
