"""Log lines: time, level, event name, fields; control characters are escaped.

All that a role or the supervisor writes to its log goes through this module. No text from outside
can begin a line: a message of several lines is indented."""

import json
import logging
import sys
import time
from contextlib import suppress

from infra.escaping import escaped, escaped_json, indented, print_line

STANDARD_ATTRIBUTES = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class FieldsFormatter(logging.Formatter):
    """One line for each event: time, level, event name, fields."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            name: value for name, value in vars(record).items() if name not in STANDARD_ATTRIBUTES
        }
        when = self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z"
        line = f"{when} {record.levelname:8} {record.name} {escaped(record.getMessage())}"
        if fields:
            line += " " + escaped_json(json.dumps(fields, ensure_ascii=False, default=str))
        if record.exc_info:
            line = indented(f"{line}\n{self.formatException(record.exc_info)}")
        return line


def set_up_log(level: int = logging.INFO) -> None:
    """Log to standard error; the supervisor writes it to one file for each role."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FieldsFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("faust", "mode", "aiokafka", "venusian"):
        logging.getLogger(name).setLevel(logging.WARNING)


def write_log_line(text: str) -> None:
    """Write a line without level and fields to standard error, if the disk has space for it."""
    with suppress(OSError):  # a full disk must not end the line
        print_line(text, error=True)
