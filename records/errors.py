class RecordError(Exception):
    """A record is not given out or not deleted; the text says why."""
