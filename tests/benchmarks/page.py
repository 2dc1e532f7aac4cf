"""Putting the table into a page of the documentation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BETWEEN = re.compile(r"(<!-- benchmark -->\n).*?(<!-- end of benchmark -->)", re.DOTALL)


def put_into(path: Path, table: str) -> None:
    """Replace what stands between the marks ``<!-- benchmark -->`` and ``<!-- end of benchmark -->``."""
    text = path.read_text()
    if not _BETWEEN.search(text):
        raise SystemExit(f"{path} has no marks for the table: <!-- benchmark --> and <!-- end of benchmark -->")
    path.write_text(_BETWEEN.sub(lambda found: f"{found[1]}\n{table}\n{found[2]}", text))
