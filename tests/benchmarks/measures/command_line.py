"""How long the command line takes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.arena import PROJECT
from tests.benchmarks.measure import OURS, Goal, Measure, Row

if TYPE_CHECKING:
    from tests.benchmarks.arena import Arena

_FIVE = PROJECT / "workflows" / "five.yaml"


def command_line(arena: Arena) -> dict[str, float]:
    """Processes from start to end; the files are checked against the registered steps."""
    return {"help": _seconds("--help"), "validate": _seconds("validate", str(_FIVE))}


def many_files(arena: Arena) -> dict[str, float]:
    """Files that differ in their names."""
    text = _FIVE.read_text()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arena.count(1000, 10)):
            (Path(folder) / f"{number}.yaml").write_text(text.replace("bench.five", f"bench.file{number}"))
        return {"validate-many": _seconds("validate", folder)}


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "squidmesh", *arguments], cwd=PROJECT, capture_output=True, check=True)
    return time.perf_counter() - began


MEASURES = (
    Measure(
        name="command-line",
        rows=(
            Row(key="help", title="squidmesh --help", unit="s", goals=(Goal(at_most=0.2),)),
            Row(key="validate", title="squidmesh validate of one file", unit="s", goals=(Goal(at_most=0.5),)),
        ),
        contestants={OURS: command_line},
    ),
    Measure(
        name="files",
        rows=(Row(key="validate-many", title="the same of 1,000 files", unit="s", goals=(Goal(at_most=20),)),),
        contestants={OURS: many_files},
        once=True,
    ),
)
