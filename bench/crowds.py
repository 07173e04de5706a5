"""python -m bench.crowds: the rows about bookings and races only, against a no-op in the same seconds."""

import os
import sys

from bench import booking, races
from devservices import servers, state
from devservices.processes import Family


def main() -> int:
    """Servers, databases, these rows only."""
    from bench.__main__ import Databases, environment, serve, use

    path = state.folder("bench")
    family = Family(hold=[state.lock(path, wait=600)])
    try:
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        os.environ.update(servers.start(family, path, durable=True))
        os.environ.update(environment(path, os.environ["DATABASE_URL"].rpartition("/")[0] + "/bench"))
        import django

        django.setup()
        from django.core.management import call_command

        databases = Databases()
        names = {"full": databases.ready()["full"]}
        call_command("collectstatic", interactive=False, verbosity=0)
        use(names["full"])
        crowd = booking.people(booking.PRESSES, databases.booking_days())
        ports = serve(family, path, names)
        booked, _took = booking.measure(crowd, ports)
        rows = [*booked, *races.measure(ports["full"])]
    finally:
        family.stop()
    for row in rows:
        print(f"  {row.name:42} {row.value:9.3f} {row.unit:12} {row.goal:8} {'' if row.holds else 'MISSED'}")
    return int(not all(row.holds for row in rows))


if __name__ == "__main__":
    sys.exit(main())
