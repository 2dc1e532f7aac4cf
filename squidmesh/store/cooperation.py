"""Whether the database driver waits as the process does."""

from __future__ import annotations

from psycopg import waiting


def waits_cooperatively() -> bool:
    """Say whether psycopg waits in Python, by what gevent has patched; it chose so when it was imported."""
    return waiting.wait is not getattr(waiting, "wait_c", None)
