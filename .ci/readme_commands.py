"""Print one of the commands that README.md promises to work: ``readme_commands.py README.md 1``.

A promised command is a fenced block of ``sh`` with the comment ``<!-- gate -->`` on a line of its own
before it (blank lines between are fine). There must be exactly two.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PROMISED = re.compile(r"^<!-- gate -->[ \t]*\n\s*^```sh[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
EXPECTED = 2


def promised_commands(text: str) -> list[str]:
    """Return the promised commands in their order."""
    commands = PROMISED.findall(text)
    marks = len(re.findall(r"<!--\s*gate\s*-->", text))
    if len(commands) != EXPECTED or marks != EXPECTED:
        raise SystemExit(
            f"README.md must hold {EXPECTED} blocks of sh after a line '<!-- gate -->'; "
            f"found {len(commands)} of them and {marks} such lines"
        )
    return commands


if __name__ == "__main__":
    sys.stdout.write(promised_commands(Path(sys.argv[1]).read_text(encoding="utf-8"))[int(sys.argv[2]) - 1])
