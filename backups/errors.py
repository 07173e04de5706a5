class BackupError(Exception):
    """A copy could not be made, opened or trusted; the text is for whoever runs the command."""
