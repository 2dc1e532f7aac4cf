"""Draw what ``squidmesh try`` shows of the example: ``python docs/pictures/draw_try.py [--check]``.

The picture is of a real run in a copy of the example. ``--check`` makes a run and compares what it shows with the
picture, but for what differs from run to run: ids, times and durations.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parents[2]
PICTURE = Path(__file__).with_name("try.svg")
COMMAND = "squidmesh try workflows/post_daily_digest.yaml"
_WIDTH = 94
_THEME = TerminalTheme(
    (24, 27, 33),
    (216, 220, 228),
    [(60, 66, 78), (235, 110, 110), (130, 200, 130), (225, 190, 105), (110, 170, 235), (200, 140, 220), (95, 190, 200),
     (216, 220, 228)],
    [(110, 118, 132), (245, 130, 130), (150, 215, 150), (240, 205, 125), (130, 185, 245), (215, 160, 235),
     (120, 205, 215), (245, 247, 250)],
)  # fmt: skip


def run_example() -> str:
    """Run the example once and return what the terminal would get, colours included."""
    folder = Path(tempfile.mkdtemp(prefix="squidmesh-picture-"))
    folder.chmod(0o755)  # a server that root starts runs as somebody else
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SQUIDMESH_", "NO_COLOR"))}
    kept |= {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(_WIDTH)}
    kept["PATH"] = f"{Path(sys.executable).parent}:{kept['PATH']}"
    ignored = shutil.ignore_patterns(".squidmesh", "__pycache__", ".pytest_cache", "outbox", "*.egg-info")
    try:
        project = shutil.copytree(ROOT / "workflows.example", folder / "example", ignore=ignored)
        kept["CONTENT_SETTINGS"] = str(project / "content.toml")
        # The folder's first run also makes its database, which is said once and would tell readers little.
        for _ in range(2):
            done = subprocess.run(  # noqa: S603 - our own command
                COMMAND.split(), cwd=project, env=kept, capture_output=True, text=True, check=True, timeout=120
            )
        return done.stdout
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def draw(output: str) -> str:
    """Return the picture of an output."""
    console = Console(record=True, width=_WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123 - closed with the process
    console.print(Text.assemble(("$ ", "dim"), (COMMAND, "bold")))
    for line in _interesting(output):
        console.print(Text.from_ansi(line))
    return console.export_svg(title="squidmesh", theme=_THEME, unique_id="try")


def _interesting(output: str) -> list[str]:
    """Return the lines that a reader wants to see: what happened, and how the run stands."""
    lines = output.rstrip().split("\n")
    plain = [Text.from_ansi(line).plain for line in lines]
    ended = next((index for index, line in enumerate(plain) if line.startswith("run ")), len(lines))
    said = next(index for index, line in enumerate(plain) if line.startswith("this run "))
    return [*lines[:ended], *lines[said:]]


def words(picture: str) -> list[str]:
    """Return the words of a picture, without what differs from run to run."""
    body = re.sub(r"<(style|defs)>?.*?</\1>", " ", picture, flags=re.DOTALL)
    text = html.unescape(re.sub(r"<[^>]+>", " ", body)).replace("\xa0", " ")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)
    text = re.sub(r"\(\d+(ms|s|m)\)", "(AGO)", text)
    return re.sub(r"\b\d+ ms", "N ms", text).split()


if __name__ == "__main__":
    drawn = draw(run_example())
    if "--check" not in sys.argv:
        PICTURE.write_text(drawn, encoding="utf-8")
    elif words(drawn) != words(PICTURE.read_text(encoding="utf-8")):
        sys.exit(f"{PICTURE} is not what 'try' shows any more; run: python docs/pictures/draw_try.py")
