"""Options whose value is a JSON object."""

from __future__ import annotations

import json
from typing import Any

import click


def read_object(text: str, problem: str = "", *, option: str | None = None) -> dict[str, Any]:
    """Return the object that ``text`` is; else a usage error about ``option`` that begins with ``problem``."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{problem}{error}", param_hint=option) from None
    if not isinstance(value, dict):
        raise click.BadParameter(f"{problem}a JSON object is expected", param_hint=option)
    return value
