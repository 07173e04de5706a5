"""Settings that would leave a screen open all day stop the start."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings import env_int


@pytest.mark.parametrize("value", ["1", "31", "-5", "0"])
def test_a_lock_that_never_comes_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("STAFF_IDLE_MINUTES", value)
    with pytest.raises(ImproperlyConfigured, match="STAFF_IDLE_MINUTES must be from 2 to 30"):
        env_int("STAFF_IDLE_MINUTES", 15, least=2, most=30)
