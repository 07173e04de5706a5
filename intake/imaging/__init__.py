"""Pictures from strangers, made safe. The site's process never decodes one: it hands the bytes over and checks what returns.

`clean(data)` is the way in. One decoder process (`decoder.py`) serves each process of the site; it starts with the first
picture and is started anew if it died. What comes back is accepted only if it is a JPEG made of nothing but pixels.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 15 * 1024 * 1024
# The child is stopped after 20 seconds at the latest; two at a time, so a full queue waits longer.
PATIENCE = 25.0
_DECODER = Path(__file__).with_name("decoder.py")
# The parts of a JPEG that say how pixels are coded. JFIF's APP0 holds density and version, 14 bytes.
_PLAIN = {0xC0, 0xC1, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD}
_HEADS = {b"\xff\xd8\xff": "image", b"\x89PNG\r\n\x1a\n": "image", b"%PDF-": "pdf"}
_HEIF = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
HINTS = ("dark", "blurred", "small")


class ImagingError(Exception):
    """Why a picture was not taken: "size", "empty", "kind", "pixels", "damaged" or "failed"."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What the decoder made of an upload. Both files are JPEG without a byte of metadata."""

    whole: bytes
    small: bytes
    width: int
    height: int
    hints: tuple[str, ...]


def kind_of(data: bytes) -> str:
    """ "image", "pdf" or "" by the first bytes; never by a name or a header that came with them."""
    for head, kind in _HEADS.items():
        if data.startswith(head):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image"
    return "image" if data[4:8] == b"ftyp" and data[8:12] in _HEIF else ""


def is_pdf(data: bytes) -> bool:
    """True if it begins and ends like a PDF. Its content is not looked at, and it is never shown inline."""
    return data.startswith((b"%PDF-1.", b"%PDF-2.")) and b"%%EOF" in data[-2048:]


def only_pixels(data: bytes) -> bool:
    """True if this JPEG holds no segment but those that code pixels, and nothing behind its end."""
    if data[:2] != b"\xff\xd8" or data[-2:] != b"\xff\xd9":
        return False
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return False
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xE0:
            if length != 16 or data[at + 4 : at + 9] != b"JFIF\0":
                return False
        elif marker not in _PLAIN:
            return False
        at += 2 + length
        if marker == 0xDA:
            # Coded pixels: 0xFF is followed by 0x00 or a restart marker until the next segment.
            while True:
                at = data.find(b"\xff", at)
                if at < 0 or at + 1 >= len(data):
                    return False
                if data[at + 1] == 0xD9:
                    return at + 2 == len(data)
                if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
                    break
                at += 2
    return False


class Decoder:
    """This process's decoder process. Any thread may ask it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._control: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def _start(self) -> None:
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen(  # noqa: S603 (our own file, no argument from outside)
            # -I: nothing of the site, nothing of the environment; it gets no key and no address of the database.
            [sys.executable, "-I", str(_DECODER)],
            stdin=its.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            close_fds=True,
            cwd="/",
        )
        its.close()
        self._control, self._owner = mine, os.getpid()

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self.process is not None and self._owner == os.getpid():
            with suppress(OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait(2)
        self.process = None

    def _hand_over(self, handle: int) -> None:
        with self._lock:
            for attempt in (1, 2):
                # After a fork the decoder belongs to the parent; a child of ours starts its own.
                died = self.process is not None and self._owner == os.getpid() and self.process.poll() is not None
                if self._control is None or self._owner != os.getpid() or died:
                    self._stop()
                    self._start()
                assert self._control is not None
                try:
                    socket.send_fds(self._control, [b"j"], [handle])
                    return
                except OSError:
                    self._stop()
                    if attempt == 2:
                        raise

    def ask(self, data: bytes) -> tuple[dict[str, object], bytes, bytes]:
        """Send bytes, get what is known of them and two JPEGs.

        Raises:
            OSError: the decoder's child was stopped by a limit, or died.
        """
        mine, its = socket.socketpair()
        with mine, its:
            self._hand_over(its.fileno())
            its.close()
            mine.settimeout(PATIENCE)
            mine.sendall(struct.pack("!I", len(data)))
            mine.sendall(data)
            sizes = struct.unpack("!III", _receive(mine, 12))
            if sizes[0] > 4096 or sizes[1] > MAX_BYTES or sizes[2] > 1 << 20:
                raise OSError("an answer out of proportion")
            head, whole, small = (_receive(mine, size) for size in sizes)
        known = json.loads(head)
        if not isinstance(known, dict):
            raise OSError("an answer that is none")
        return known, whole, small


def _receive(sock: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = sock.recv(min(1 << 20, count - len(parts)))
        if not part:
            raise OSError("the decoder's child ended without an answer")
        parts += part
    return bytes(parts)


decoder = Decoder()


def clean(data: bytes) -> Picture:
    """A picture made anew from the pixels of an upload.

    Raises:
        ImagingError: it is not taken, and why.
    """
    if not data:
        raise ImagingError("empty")
    if len(data) > MAX_BYTES:
        raise ImagingError("size")
    if kind_of(data) != "image":
        raise ImagingError("kind")
    try:
        known, whole, small = decoder.ask(data)
    except (OSError, ValueError):
        # A limit stopped it: too much memory or time for any photo that a phone makes, or it is made to do harm.
        raise ImagingError("damaged") from None
    if why := known.get("refused"):
        raise ImagingError(str(why) if why in {"kind", "pixels", "damaged"} else "damaged")
    width, height, hints = known.get("width"), known.get("height"), known.get("hints")
    if not (isinstance(width, int) and isinstance(height, int) and isinstance(hints, list)):
        raise ImagingError("damaged")
    if not (0 < width <= 2560 and 0 < height <= 2560 and only_pixels(whole) and only_pixels(small)):
        raise ImagingError("damaged")
    return Picture(whole, small, width, height, tuple(h for h in HINTS if h in hints))
