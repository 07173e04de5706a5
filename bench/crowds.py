"""python -m bench.crowds: the rows about bookings and races only, against a no-op in the same seconds."""

import sys

from bench import booking, races
from bench.rig import Databases, running, serve, show, use


def main() -> int:
    """Servers, databases, these rows only."""
    with running() as (family, path):
        from django.core.management import call_command

        databases = Databases()
        names = {"full": databases.ready()["full"]}
        call_command("collectstatic", interactive=False, verbosity=0)
        use(names["full"])
        crowd = booking.people(booking.PRESSES, databases.booking_days())
        ports = serve(family, path, names)
        booked, _took = booking.measure(crowd, ports)
        rows = [*booked, *races.measure(ports["full"])]
    return show(rows)


if __name__ == "__main__":
    sys.exit(main())
