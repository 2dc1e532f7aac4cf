"""Copy the project as a fresh clone would hold it: ``copy_tree.py FROM TO``.

Everything but what .gitignore names, so that changes not committed yet are checked too, and no git is needed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def copy_tree(source: Path, target: Path) -> None:
    """Copy the files that belong to the project."""
    lines = (source / ".gitignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.strip("/") for line in lines if line.strip() and not line.startswith("#")]
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(".git", *patterns))


if __name__ == "__main__":
    copy_tree(Path(sys.argv[1]), Path(sys.argv[2]))
