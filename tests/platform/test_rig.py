"""The test rig itself."""

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection


@pytest.mark.django_db
def test_the_test_database_is_a_clone_of_the_migrated_template() -> None:
    assert connection.settings_dict["NAME"].startswith("test_")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations")
        assert cursor.fetchone()[0] > 50


@pytest.mark.django_db(transaction=True)
def test_a_test_that_commits_leaves_rows_behind() -> None:
    assert ContentType.objects.count() > 10
    ContentType.objects.create(app_label="a", model="b")


@pytest.mark.django_db(transaction=True)
def test_the_next_one_does_not_see_them_and_still_has_what_migrations_made() -> None:
    assert ContentType.objects.count() > 10
    assert not ContentType.objects.filter(app_label="a").exists()


FILLED: list[str] = []


def fill() -> None:
    FILLED.append("once")
    ContentType.objects.create(app_label="seeded", model="row")


@pytest.mark.parametrize("round_", [1, 2])
def test_a_seeded_database_is_filled_at_most_once_and_copied_for_each_test(seeded: Any, round_: int) -> None:
    assert not ContentType.objects.filter(app_label="seeded").exists()
    seeded("rig", fill)
    assert ContentType.objects.filter(app_label="seeded").count() == 1
    ContentType.objects.filter(app_label="seeded").delete()
    assert len(FILLED) <= 1
