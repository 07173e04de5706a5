"""The test rig itself."""

import pytest
from django.db import connection

from accounts.models import Clinic


def names() -> list[str]:
    return list(Clinic.objects.values_list("name", flat=True))


@pytest.mark.django_db
def test_the_test_database_is_a_clone_of_the_migrated_template() -> None:
    assert connection.settings_dict["NAME"].startswith("test_")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations")
        assert cursor.fetchone()[0] > 50


@pytest.mark.django_db(transaction=True)
def test_a_test_that_commits_leaves_rows_behind() -> None:
    from django.contrib.contenttypes.models import ContentType

    assert ContentType.objects.count() > 10
    ContentType.objects.create(app_label="a", model="b")


@pytest.mark.django_db(transaction=True)
def test_the_next_one_does_not_see_them_and_still_has_what_migrations_made() -> None:
    from django.contrib.contenttypes.models import ContentType

    assert ContentType.objects.count() > 10
    assert not ContentType.objects.filter(app_label="a").exists()
