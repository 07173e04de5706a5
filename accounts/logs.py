"""One JSON line per log record. Names of routes and things, never bodies, queries or addresses."""

import json
import logging


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; line breaks inside a message are escaped by JSON."""
        data = {"at": self.formatTime(record), "level": record.levelname, "logger": record.name, "event": record.getMessage()}
        if record.exc_info:
            data["exception"] = self.formatException(record.exc_info)
        return json.dumps(data)


def json_formatter() -> logging.Formatter:
    """The formatter that settings.LOGGING names."""
    return JsonFormatter()
