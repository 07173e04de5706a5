"""A tar stream in an age envelope (age-encryption.org/v1), so that `age -d | tar x` opens a copy without this product.

Who makes a copy needs the public key alone, and cannot read what it made. The envelope notices every changed or missing byte.
"""

import io
import os
import tarfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, BinaryIO

import pyrage

from backups.errors import BackupError

CHUNK = 4 << 20


class _Pulled(io.RawIOBase):
    """A readable file out of an iterator of bytes; remembers what went wrong in it."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self.parts, self.rest, self.error = parts, memoryview(b""), None

    error: Exception | None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            while not self.rest:
                self.rest = memoryview(next(self.parts))
        except StopIteration:
            return b""
        except Exception as error:
            self.error = error
            raise
        taken, self.rest = self.rest[:size], self.rest[size:]
        return bytes(taken)


def recipients(keys: Sequence[str]) -> list[Any]:
    """The public keys that a copy is sealed to.

    Raises:
        BackupError: there is none, or one is no public key.
    """
    if not keys:
        raise BackupError("Set BACKUP_KEYS to one or more public keys (age1…); `manage.py backup_key` makes a pair.")
    found = []
    for key in keys:
        if key.upper().startswith("AGE-SECRET-KEY-"):
            raise BackupError("BACKUP_KEYS holds a private key. Take it off this machine, and make a new pair.")
        try:
            found.append(pyrage.x25519.Recipient.from_str(key))
        except pyrage.RecipientError:
            raise BackupError(f"BACKUP_KEYS: {key[:12]}… is no public key (age1…).") from None
    return found


def identities(text: str) -> list[Any]:
    """The private keys in the text of a key file; lines that begin with # say things to people.

    Raises:
        BackupError: there is none.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    try:
        found = [pyrage.x25519.Identity.from_str(line) for line in lines]
    except pyrage.IdentityError:
        found = []
    if not found:
        raise BackupError("The key file holds no private key (AGE-SECRET-KEY-1…).")
    return found


def member(name: str, data: bytes) -> Iterator[bytes]:
    """One file of the archive, as the bytes of its place in the tar stream."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    yield info.tobuf(tarfile.PAX_FORMAT)
    yield data
    yield bytes(-len(data) % tarfile.BLOCKSIZE)


def seal(parts: Iterable[bytes], out: BinaryIO, keys: Sequence[Any]) -> None:
    """Write members to `out`, sealed to each of the public keys; nothing is held but the part at hand.

    Raises:
        Whatever the parts raise, or writing does. What was written until then is worth nothing.
    """

    def whole() -> Iterator[bytes]:
        yield from parts
        yield bytes(2 * tarfile.BLOCKSIZE)

    pulled = _Pulled(whole())
    try:
        pyrage.encrypt_io(pulled, out, keys)
    except (pyrage.EncryptError, OSError) as error:
        raise pulled.error or BackupError(f"The copy could not be written: {error}") from error


@contextmanager
def opened(source: BinaryIO, keys: Sequence[Any]) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """The members of a sealed archive, one after the other: name and content. Read each before asking for the next.

    Raises:
        BackupError: the keys do not open it, or it is damaged or cut off; what came out of it before is not to be used.
    """
    read, write = os.pipe()
    failure: list[Exception] = []

    def unseal() -> None:
        with open(write, "wb", buffering=1 << 16) as out:
            try:
                pyrage.decrypt_io(source, out, keys)
            except Exception as error:  # noqa: BLE001 (told below, in the thread that reads)
                failure.append(error)
                with suppress(OSError, ValueError):
                    out.flush()

    def members(tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
        for info in tar:
            content = tar.extractfile(info) if info.isreg() else None
            if content is None:
                raise BackupError(f"{info.name} does not belong into a copy.")
            yield info.name, content

    thread = threading.Thread(target=unseal, name="unseal", daemon=True)
    thread.start()
    complete = False
    try:
        with open(read, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            yield members(tar)
            complete = not stream.read(CHUNK)
    except (tarfile.TarError, EOFError) as error:
        thread.join(5)
        raise BackupError(_why(failure, "it is cut off")) from error
    finally:
        thread.join(5)
    if failure or not complete:
        raise BackupError(_why(failure, "something stands behind its end"))


def _why(failure: list[Exception], otherwise: str) -> str:
    if failure and isinstance(failure[0], pyrage.DecryptError) and "keys" in str(failure[0]):
        return "This key does not open the copy."
    return f"The copy is damaged: {failure[0] if failure else otherwise}."
