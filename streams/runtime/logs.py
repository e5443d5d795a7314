"""Log lines: time, level, event name, fields."""

import json
import logging
import sys
import time

STANDARD_ATTRIBUTES = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class FieldsFormatter(logging.Formatter):
    """One line for each event: time, level, event name, fields."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            name: value for name, value in vars(record).items() if name not in STANDARD_ATTRIBUTES
        }
        when = self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z"
        line = f"{when} {record.levelname:8} {record.name} {record.getMessage()}"
        if fields:
            line += " " + json.dumps(fields, ensure_ascii=False, default=str)
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def set_up_log(level: int = logging.INFO) -> None:
    """Log to standard error; the supervisor writes it to one file for each role."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FieldsFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("faust", "mode", "aiokafka", "venusian"):
        logging.getLogger(name).setLevel(logging.WARNING)
