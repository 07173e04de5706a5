"""`make fuzz N=20000 SEED=1`: every form of the site, as `tests/fuzz_forms.py` spoils it.

Prints one line. Exits with 1 if any answer was an error of ours, took more than five seconds, or refused and changed the answers
all the same. `python -m devservices run -- python -m tests.fuzz --seed 1 --only 4711` sends that one again and shows where it broke.
"""

import argparse
import os
import resource
import sys

import django
import pytest  # noqa: F401  (the settings look whether it is there: this is a test)
import time_machine

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.db import transaction
from django.test.utils import override_settings

from tests import fuzz_forms
from tests.access import world as building
from tests.access.conftest import quiet
from tests.conftest import Clones
from tests.factories import WEDNESDAY


def main() -> int:
    """Make a database, build the world in it, send, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--n", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", type=int)
    given = options.parse_args()
    clones = Clones("fuzz", "")
    clones.migrate()
    clones.clone()
    try:
        with (
            override_settings(STAFF_MFA_REQUIRED=False, DEMO=False, ALLOWED_HOSTS=["*"]),
            quiet(),
            time_machine.travel(WEDNESDAY, tick=False),
            transaction.atomic(),
        ):
            world = building.build()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            result = fuzz_forms.run(world, n=given.n, seed=given.seed, only=given.only, tell=100)
            transaction.set_rollback(True)
    finally:
        clones.close()
    for found in (result.errors, result.slow, result.changed):
        for number, what in list(found.items())[:20]:
            print(f"--only {number}: {what}")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    answers = " ".join(f"{status}={count}" for status, count in sorted(result.answers.items()))
    print(
        f"requests={result.requests} status_5xx={len(result.errors)} slower_than_5s={len(result.slow)} seed={given.seed} "
        f"refused_but_changed={len(result.changed)} slowest_s={result.slowest:.2f} grown_mb={grown} {answers}"
    )
    return int(not result.good)


if __name__ == "__main__":
    sys.exit(main())
