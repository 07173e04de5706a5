"""The world that is knocked at: built once for this package in one transaction, each test in a savepoint of its own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import override_settings

from accounts.models import Clinic
from intake.models import forget_definitions
from tests.access import sweep as sweeping
from tests.access import world as building
from tests.articles.conftest import forget as forget_pages
from tests.factories import WEDNESDAY


def forget() -> None:
    """Nothing kept by the process or by Redis."""
    Clinic.forget_current()
    forget_definitions()
    forget_pages()


@contextmanager
def quiet() -> Iterator[None]:
    """Refusals are what is asked for here: no line in the log for each."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="package")
def _built(django_db_setup: None, django_db_blocker: Any) -> Iterator[building.World]:
    forget()
    with (
        django_db_blocker.unblock(),
        override_settings(STAFF_MFA_REQUIRED=False, DEMO=False),
        transaction.atomic(),
    ):
        with time_machine.travel(WEDNESDAY, tick=False):
            world = building.build()
        with (
            connection.cursor() as cursor
        ):  # a slow machine thinks about four thousand answers for longer than a request may idle
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield world
        transaction.set_rollback(True)
    forget()


@pytest.fixture(scope="package")
def sweep(_built: building.World) -> sweeping.Sweep:
    """Every page asked for by everybody, once; see `sweep.py`."""
    with time_machine.travel(WEDNESDAY, tick=False), quiet():
        return sweeping.run(_built)


@pytest.fixture
def world(_built: building.World) -> Iterator[building.World]:
    """The world at nine on a Wednesday; what a test changes in it is undone."""
    with time_machine.travel(WEDNESDAY, tick=False), transaction.atomic():
        yield _built
        transaction.set_rollback(True)
