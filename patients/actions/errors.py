"""What the verbs refuse."""


class PatientError(Exception):
    """A refusal whose text may be shown."""
