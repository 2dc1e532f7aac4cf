"""Log records of a worker: the facts of the execution on each, as text for a person or JSON for a collector.

A host that logs by its own handlers adds ``ExecutionFilter()`` to them; ``squidmesh run`` has done so.
"""

from __future__ import annotations

import json
import logging
import math
from datetime import UTC, datetime
from typing import Any

from squidmesh.observability.execution import EXECUTION, FACTS

_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
_OWN = frozenset({"time", "level", "logger", "message", "exception", "stack"})
_QUIET = ("huey", "alembic")
TEXT, JSON = "text", "json"


class ExecutionFilter(logging.Filter):
    """Gives every record the ``run_id workflow step attempt`` of the execution that it is part of, whoever wrote it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add what the record lacks, and let it pass."""
        for name, value in (EXECUTION.get() or {}).items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class TextFormatter(logging.Formatter):
    """Ends the first line of a step's record with what it is about: workflow, step, run, attempt."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the standard library's name
        """Return the line, with the facts that the record carries."""
        line = super().formatMessage(record)
        facts = [f"{name}={getattr(record, name)}" for name in FACTS if hasattr(record, name)]
        return f"{line} [{' '.join(facts)}]" if facts else line


class JSONFormatter(logging.Formatter):
    """Writes each record as one line of JSON.

    Keys: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``, those of the execution, whatever the caller
    gave as ``extra`` (under ``extra_level`` and so on, if it has one of these names), ``exception`` (``type``,
    ``message``, ``traceback``), and ``stack`` where the caller asked for it.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                line[f"extra_{name}" if name in _OWN else name] = value
        if record.exc_info and record.exc_info[0] is not None:
            kind, error, _ = record.exc_info
            line["exception"] = {
                "type": f"{kind.__module__}.{kind.__qualname__}",
                "message": str(error),
                "traceback": self.formatException(record.exc_info),
            }
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return _one_line(line)


def _one_line(line: dict[str, Any]) -> str:
    try:
        return json.dumps(line, default=str, allow_nan=False)
    except (TypeError, ValueError):  # keys that are no text, a value that holds itself, NaN
        return json.dumps({str(name): _plain(value) for name, value in line.items()})


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


def set_up_logging(level: str, form: str = TEXT) -> None:
    """Log to standard error from ``level`` on, as ``text`` or ``json``."""
    handler = logging.StreamHandler()
    handler.addFilter(ExecutionFilter())
    handler.setFormatter(JSONFormatter() if form == JSON else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # huey writes three lines a task at INFO, Alembic ten at the start, which say nothing that ours do not.
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
