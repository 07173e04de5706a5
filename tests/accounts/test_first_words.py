"""What is said after a first password and first recovery codes claims nothing that did not happen."""

import pytest
from django.template.loader import render_to_string


@pytest.mark.parametrize(
    ("template", "never"),
    [("account/messages/password_set.txt", "sessions"), ("mfa/messages/recovery_codes_generated.txt", "old ones")],
)
def test_a_first_one_ends_nothing(template: str, never: str) -> None:
    assert never not in render_to_string(template)
