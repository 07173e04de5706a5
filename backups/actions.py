"""Back everything up, and restore it somewhere empty. Verbs, as in the other apps; what they read is everybody's."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import IO, Any, BinaryIO

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db import transaction

from audit.actions import record
from audit.actor import Actor
from backups import archive, database
from backups.errors import BackupError
from intake.models import Photo

FORMAT = 1
# Folder in the copy → storage. Patients' photos stay sealed with ANSWER_KEYS, which are in no copy.
STORES = {"photos": "photos", "media": "default"}
MANIFEST = "manifest.json"


@dataclass
class Manifest:
    """What is in a copy, so that whoever restores it can tell that nothing is missing.

    `missing` are photos whose row is in the copy and whose file is not: lost before, or replaced while the copy was made.
    """

    made_at: str = ""
    tables: dict[str, list[Any]] = field(default_factory=dict)
    files: dict[str, list[Any]] = field(default_factory=dict)  # folder: [number, bytes, digest]
    missing: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(count for name, (count, _sum) in self.tables.items() if not name.startswith("("))

    @property
    def numbers(self) -> dict[str, int]:
        """Enough to tell one copy from another, without saying anything of anybody."""
        files = self.files.values()
        return {
            "tables": sum(not name.startswith("(") for name in self.tables),
            "rows": self.rows,
            "files": sum(number for number, _size, _digest in files),
            "file_bytes": sum(size for _number, size, _digest in files),
            "missing": len(self.missing),
        }


class _Tally:
    """Counts files and hashes them in the order they come."""

    def __init__(self) -> None:
        self.number, self.size, self.hash = 0, 0, hashlib.sha256()

    def add(self, name: str, data: bytes) -> None:
        self.number += 1
        self.size += len(data)
        self.hash.update(f"{name}:{len(data)}:{hashlib.sha256(data).hexdigest()}\n".encode())

    @property
    def as_list(self) -> list[Any]:
        return [self.number, self.size, self.hash.hexdigest()]


def back_up(out: BinaryIO, *, keys: Sequence[str], by: Actor, now: datetime) -> Manifest:
    """Write a copy of database and files to `out`, sealed to public keys. The site goes on meanwhile.

    The database is as it was at one instant. Files are read after it, so that every row finds its file.

    Raises:
        BackupError: it could not be made; what was written is worth nothing.
    """
    sealed_to = archive.recipients(keys)
    manifest = Manifest(made_at=now.isoformat())
    with database.standing_still() as snapshot:
        archive.seal(_parts(snapshot, manifest), out, sealed_to)
    with transaction.atomic():
        record("backups.make", by=by, now=now, detail=manifest.numbers)
    return manifest


def _parts(snapshot: str, manifest: Manifest) -> Iterator[bytes]:
    for number, piece in enumerate(database.dumped(snapshot)):
        yield from archive.member(f"database/{number:06d}", piece)
    for folder, alias in STORES.items():
        tally = _Tally()
        for name, data in _files(storages[alias]):
            tally.add(name, data)
            yield from archive.member(f"{folder}/{name}", data)
        manifest.files[folder] = tally.as_list
    manifest.missing = _without_file()
    manifest.tables = database.amounts()
    yield from archive.member(MANIFEST, json.dumps(asdict(manifest), indent=1).encode())


def _files(store: Storage, folder: str = "") -> Iterator[tuple[str, bytes]]:
    """Every file of a store, by name. One that is taken away meanwhile is left out."""
    try:
        folders, names = store.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(names):
        path = f"{folder}/{name}" if folder else name
        try:
            with store.open(path) as file:
                data = file.read()
        except FileNotFoundError:
            continue
        yield path, data
    for inner in sorted(folders):
        if inner:
            yield from _files(store, f"{folder}/{inner}" if folder else inner)


def _without_file() -> list[str]:
    """Photos of the snapshot whose file is gone by now."""
    store = storages[STORES["photos"]]
    try:
        there = set(store.listdir("")[1])
    except FileNotFoundError:
        there = set()
    rows = Photo.objects.order_by("pk").values_list("public_id", "name", "small_name")
    return [str(row[0]) for row in rows.iterator(chunk_size=2000) if any(name and name not in there for name in row[1:])]


def restore(source: BinaryIO, *, keys: str, by: Actor, now: datetime) -> Manifest:
    """Read a copy into this process's database and stores, which are empty, and compare every table with what it was.

    Args:
        keys: the text of the key file.

    Raises:
        BackupError: the copy cannot be opened or is not whole, or something is different. Throw away what came of it.
    """
    tallies = {folder: _Tally() for folder in STORES}
    told: bytes | None = None
    restoring = database.Restoring()
    try:
        with archive.opened(source, archive.identities(keys)) as members:
            for name, content in members:
                folder, _, rest = name.partition("/")
                if folder == "database":
                    restoring.write(content.read())
                    continue
                restoring.finish()
                if folder in STORES and rest:
                    _put(folder, rest, content, tallies[folder])
                elif name == MANIFEST:
                    told = content.read()
                else:
                    raise BackupError(f"{name} does not belong into a copy.")
    except BaseException:
        restoring.abandon()
        raise
    if told is None:
        raise BackupError("The copy is damaged: it does not say what is in it.")
    manifest = Manifest(**json.loads(told))
    with transaction.atomic():
        different = differences(manifest.tables, database.amounts())
        files = {folder: tally.as_list for folder, tally in tallies.items()}
        different += differences(manifest.files, files)
        if different:
            raise BackupError(f"What came back is not what was copied: {', '.join(different)}.")
        record("backups.restore", by=by, now=now, detail={"made_at": manifest.made_at, **manifest.numbers})
    return manifest


def differences(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> list[str]:
    """The names that are on one side only, or differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _put(folder: str, name: str, content: IO[bytes], tally: _Tally) -> None:
    store, data = storages[STORES[folder]], content.read()
    tally.add(name, data)
    try:
        if store.exists(name):
            raise BackupError(f"{folder}/{name} is there already. A copy is restored into empty folders.")
        kept = store.save(name, ContentFile(data))
    except SuspiciousFileOperation:
        raise BackupError(f"{name[:80]!r} does not belong into a copy.") from None
    if kept != name:
        raise BackupError(f"{folder}/{name} could not be kept under its name.")
