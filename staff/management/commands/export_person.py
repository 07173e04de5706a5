"""`manage.py export_person TN-7F4K --by EMAIL --to FOLDER`: everything the clinic holds about one person, as one file."""

import os
import shutil
import sys
from pathlib import Path
from typing import IO, Any

from django.core.management.base import CommandError, CommandParser

from accounts import clock
from records.whole import everything
from staff.history import told
from staff.management.whose import RecordCommand, summary_of


class Command(RecordCommand):
    """Writes a zip that only its owner may read; every answer, photo and review in it is in the trail under that name."""

    help = "Write one person's whole record (a page to read, PDFs, photos, JSON, FHIR) into one zip. Audited."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, where to, and whether a physician keeps notes back."""
        super().add_arguments(parser)
        parser.add_argument("--to", required=True, metavar="FOLDER", help="where the file goes; - for standard output")
        parser.add_argument(
            "--withhold-notes", default="", metavar="WHY", help="leave out flags and reviews; the reason stands in the file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, and say where it is."""
        now = clock.now()
        person, by = self.one(options["whose"]), self.actor(options["by"])
        name = f"record-{person.reference}-{clock.today(now).isoformat()}.zip"
        into = options["to"]
        if into == "-" and sys.stdout.isatty():
            raise CommandError("This is a zip file. Send it somewhere: … --to - > record.zip")
        if into != "-" and not Path(into).is_dir():
            raise CommandError(f"{into} is no folder.")
        if into != "-" and (Path(into) / name).exists():
            raise CommandError(f"{Path(into) / name} is there already. Move it away first.")
        with everything(person, tell=told, withheld=options["withhold_notes"].strip(), by=by, now=now) as made:
            if into == "-":
                shutil.copyfileobj(made, sys.stdout.buffer)
                return
            path = Path(into) / name
            size = _written(made, path)
        self.stdout.write(f"{summary_of(person)['who']}: {path} ({size} bytes, only you may read it).")


def _written(made: IO[bytes], path: Path) -> int:
    """Into a file that is new and nobody else's; a file that could not be finished is taken away."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as out:
            shutil.copyfileobj(made, out)
            out.flush()
            os.fsync(out.fileno())
            return out.tell()
    except FileExistsError:
        raise CommandError(f"{path} is there already. Move it away first.") from None
    except OSError as error:
        path.unlink(missing_ok=True)
        raise CommandError(f"{path} could not be written: {error.strerror}.") from None
