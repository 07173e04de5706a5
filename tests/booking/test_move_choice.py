"""What the page to move a visit offers."""

from booking import picker
from tests.booking.conftest import offered, on


def test_the_time_somebody_has_is_no_choice(link, token, practitioner):
    times = offered(link.get("visit_time", token, query="?day=2027-02-18"))
    assert picker.value_of(on(18, 10), practitioner) not in times
    assert picker.value_of(on(18, 10, 20), practitioner) in times
