"""What a command reads from standard input."""

from __future__ import annotations

import sys

import click


def read_stdin(most: int) -> bytes:
    """Return at most so many bytes; ``click.UsageError`` where standard input is closed."""
    if sys.stdin is None:
        raise click.UsageError("standard input is closed: there is nothing to read for -")
    return sys.stdin.buffer.read(most)
