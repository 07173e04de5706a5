"""The settings of a mail provider, read from one variable and checked, so that a wrong one stops the start."""

import json
from typing import Any

from django.core.exceptions import ImproperlyConfigured

# Those whose tracking is switched off with each letter; Amazon's is off unless a configuration set of the account turns it on.
PROVIDERS = ("amazon_ses", "mailersend", "mailgun", "mailjet", "mandrill", "postmark", "sendgrid", "sparkpost")
SECRET_LENGTH = 20


def mail_provider(name: str, written: str, *, timeout: int) -> dict[str, Any]:
    """What django-anymail reads, for the provider `name` ("smtp": none).

    Args:
        written: a JSON object of anymail's own names, such as {"POSTMARK_SERVER_TOKEN": "…", "WEBHOOK_SECRET": "name:password"}.
        timeout: seconds to connect, and to wait for an answer.

    Raises:
        ImproperlyConfigured: an unknown provider, no object, a secret that can be guessed, or mails that would be printed.
    """
    if name == "smtp":
        return {}
    if name not in PROVIDERS:
        raise ImproperlyConfigured(f"MAIL_PROVIDER must be smtp or one of {', '.join(PROVIDERS)}, not {name!r}.")
    try:
        said = json.loads(written or "{}")
    except ValueError:
        said = None
    if not isinstance(said, dict) or not said:
        raise ImproperlyConfigured("ANYMAIL must be a JSON object with the provider's settings.")
    secret = said.get("WEBHOOK_SECRET", "")
    if secret and not (isinstance(secret, str) and ":" in secret and len(secret) >= SECRET_LENGTH):
        raise ImproperlyConfigured(f"WEBHOOK_SECRET in ANYMAIL must be name:password, {SECRET_LENGTH} characters or more.")
    if said.get("DEBUG_API_REQUESTS"):
        raise ImproperlyConfigured("DEBUG_API_REQUESTS in ANYMAIL would print every letter.")
    said["REQUESTS_TIMEOUT"] = timeout
    if name == "amazon_ses":  # its client tries again by itself, which would send twice
        config = {"retries": {"total_max_attempts": 1}, "connect_timeout": timeout, "read_timeout": timeout}
        params = said.setdefault("AMAZON_SES_CLIENT_PARAMS", {})
        params["config"] = params.get("config", {}) | config
    return said
