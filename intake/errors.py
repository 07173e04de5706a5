"""The app's one exception."""


class IntakeError(Exception):
    """Something about a questionnaire or a response is not as it must be. The text may be shown."""
