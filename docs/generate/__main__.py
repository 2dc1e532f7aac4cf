"""Write the pages of the reference that are made from code, and their pictures: ``python docs/generate``.

Each of ``MODULES`` makes one page: ``PAGE`` is its place below ``docs/``, and ``render()`` its text.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from state_pictures import drawings

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


def pictures() -> dict[Path, str]:
    """Return every generated picture with the SVG that it should have."""
    return {DOCS / place: svg for place, svg in drawings().items()}


if __name__ == "__main__":
    for file, text in (pages() | pictures()).items():
        file.write_text(text, encoding="utf-8")
