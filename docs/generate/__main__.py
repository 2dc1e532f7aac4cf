"""Write the pages of the reference that are made from code: ``python docs/generate``.

Each module here makes one page: ``PAGE`` is its place below ``docs/``, and ``render()`` its text.
"""

from __future__ import annotations

import importlib
from pathlib import Path

DOCS = Path(__file__).parents[1]
MODULES = (
    "command_line",
    "error_tree",
    "host_events",
    "json_output",
    "metric_names",
    "python_api",
    "setting_names",
    "states",
    "workflow_keys",
)
NOTE = "<!-- Written by `python docs/generate` from the code; do not edit. -->\n\n"


def pages() -> dict[Path, str]:
    """Return every generated page with the text that it should have."""
    modules = [importlib.import_module(name) for name in MODULES]
    return {DOCS / module.PAGE: NOTE + module.render() for module in modules}


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
