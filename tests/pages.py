"""The pages of the documentation, and the fenced blocks on them.

A line of comment before a block says how it is tested: ``<!-- not run: REASON -->``, ``<!-- background -->`` for a
command that goes on until the end of the page, ``<!-- eventually -->`` for one to be repeated until its output is
what the page shows, ``<!-- gate -->`` for what .ci/run runs. A block whose first line is a comment with a path is
that file. ``<!-- project: FOLDER -->`` on a page: it is read beside a copy of that folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Made from code, which other tests compare them with; the rules' examples are bad on purpose.
GENERATED = {
    "command-line.md",
    "errors.md",
    "events.md",
    "json-output.md",
    "metrics.md",
    "python-api.md",
    "rules.md",
    "settings.md",
    "states.md",
    "workflow-file.md",
}
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[a-z ]+)(?:: (?P<reason>[^\n]+?))? -->\n\n?)?"
    r"^(?P<fence>`{3,}|:{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r"# ((?:[\w.-]+/)*[\w-]*\.[a-z]+)\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: where it begins, what it is, and how it is tested."""

    line: int
    language: str
    text: str
    mark: str | None
    reason: str | None

    @property
    def file(self) -> str | None:
        """The path of the file that the block is, None if it is none."""
        found = _FILE.match(self.text)
        return found[1] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page with its blocks."""

    path: Path
    blocks: tuple[Block, ...]

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def project(self) -> str | None:
        """The folder that the page is about, if it is about one."""
        found = re.search(r"^<!-- project: (\S+) -->$", self.path.read_text(encoding="utf-8"), re.MULTILINE)
        return found[1] if found else None


def read_page(path: Path) -> Page:
    """Return a page with its fenced blocks."""
    text = path.read_text(encoding="utf-8")
    blocks = tuple(
        Block(
            line=text.count("\n", 0, found.start("fence")) + 1,
            language=found["language"],
            text=found["text"],
            mark=found["mark"],
            reason=found["reason"],
        )
        for found in _BLOCK.finditer(text)
    )
    return Page(path=path, blocks=blocks)


def every_page() -> list[Page]:
    """Return all pages: the README, the documentation, and the pages of contributors and of the example."""
    paths = [ROOT / "README.md", *DOCS.rglob("*.md"), *ROOT.glob(".github/*.md"), ROOT / "workflows.example/README.md"]
    return [read_page(path) for path in sorted(paths)]


def written_pages() -> list[Page]:
    """Return the pages that people wrote."""
    return [page for page in every_page() if page.path.parent.name != "reference" or page.path.name not in GENERATED]
