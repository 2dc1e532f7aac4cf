"""The benchmark works: a thousandth of it runs, without the peers, and says what it found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from squidmesh.store.embedded import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
READ = ("list", "list-failed", "inspect")
ASKED = ("steps-4", "chain", "claim", "reading", "commits", "start")


def benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmark to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def durable() -> Iterator[str]:
    """The URL of a server as it comes: the suite's own does not wait for the disk, and the benchmark refuses that."""
    base = Path(tempfile.mkdtemp(prefix="squidmesh-benchmark-"))
    base.chmod(0o755)
    with EmbeddedServer(base / ".squidmesh") as server:
        yield server.url
    shutil.rmtree(base)


def test_a_look_at_the_benchmark(durable: str, tmp_path: Path) -> None:
    """Every figure asked for is there, and the table and the page can be made from what was kept."""
    kept, page = tmp_path / "kept.json", tmp_path / "page.md"
    chosen = [part for name in ASKED for part in ("--only", name)]
    done = benchmark("--tiny", "--rounds", "1", "--database", durable, "--json", str(kept), *chosen)
    assert done.returncode == 0, done.stderr
    figures = json.loads(kept.read_text())["figures"]
    assert set(figures) == {"steps-4", "chain", "claim", "commits", "start", "start-many", *READ}
    assert {"squidmesh", "bare loop"} <= set(figures["steps-4"])
    assert set(figures["chain"]) == {"squidmesh", "5 steps"}

    page.write_text("# A page\n<!-- benchmark -->\nold\n<!-- end of benchmark -->\nthe rest\n")
    done = benchmark("--from", str(kept), "--page", str(page))
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert "| 1,000-step chains, 1 process, 16 threads | µs a step |" in text
    assert "old" not in text
    assert text.endswith("<!-- end of benchmark -->\nthe rest\n")


def test_an_unknown_measure_is_refused() -> None:
    """The message names those that there are."""
    done = benchmark("--only", "everything")
    assert done.returncode == 2
    assert "there is no measure everything; there are: steps-16" in done.stderr
