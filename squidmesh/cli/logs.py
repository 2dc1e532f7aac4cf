"""The log lines of a worker process."""

from __future__ import annotations

import logging

_FACTS = ("workflow", "step", "run_id", "attempt")


class FactsFormatter(logging.Formatter):
    """Ends the first line of a step's record with what it is about: workflow, step, run, attempt."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the standard library's name
        """Return the line, with the facts that the record carries."""
        line = super().formatMessage(record)
        facts = [f"{name}={getattr(record, name)}" for name in _FACTS if hasattr(record, name)]
        return f"{line} [{' '.join(facts)}]" if facts else line


def set_up_logging(level: str) -> None:
    """Log to standard error from ``level`` on."""
    handler = logging.StreamHandler()
    handler.setFormatter(FactsFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # huey writes three lines a task at INFO, Alembic ten at the start, which say nothing that ours do not.
    for name in ("huey", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
