"""Paths to workflows by name, all of them good or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.files import read_file, search
from squidmesh.authoring.lint import LintResult, lint_text
from squidmesh.errors import InvalidWorkflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from squidmesh.model.definition import Workflow
    from squidmesh.steps.registry import StepRegistry


def load_workflows(paths: Iterable[Path | str], registry: StepRegistry | None = None) -> dict[str, Workflow]:
    """Return the workflows that files and directories hold, by name.

    Raises ``InvalidWorkflow`` with every error of every file, two files with one name included.
    """
    paths = tuple(paths)
    results, found = lint_files(paths, registry)
    errors = [diagnostic for diagnostic in found if diagnostic.severity is Severity.ERROR]
    if errors:
        raise InvalidWorkflow(errors)
    return {result.workflow.name: result.workflow for result in results if result.workflow is not None}


def lint_files(
    paths: Sequence[Path | str],
    registry: StepRegistry | None = None,
    track: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> tuple[list[LintResult], list[Diagnostic]]:
    """Check every workflow file below ``paths``; return a result for each and all findings, file by file.

    ``track`` passes the files on, and may show how far it is.
    """
    there = search(paths)
    results = [_lint_file(path, registry) for path in track(there.files)]
    found = [*there.problems]
    for result in results:
        found.extend(result.diagnostics)
    found.extend(shared_names(results))
    return results, found


def _lint_file(path: Path, registry: StepRegistry | None) -> LintResult:
    content = read_file(path)
    if isinstance(content, Diagnostic):
        return LintResult(file=str(path), workflow=None, diagnostics=(content,))
    return lint_text(content, str(path), registry=registry)


def shared_names(results: Iterable[LintResult]) -> Iterator[Diagnostic]:
    """Yield a finding for each file whose workflow has the name of an earlier file's."""
    first: dict[str, str] = {}
    for result in results:
        document = result.document
        name = document.data.get("workflow") if document and isinstance(document.data, dict) else None
        if document is None or not isinstance(name, str):
            continue
        if name in first:
            message = f"workflow {name!r} is declared by {first[name]} already; names are unique"
            yield document.diagnostic("SM215", message, ("workflow",))
        first.setdefault(name, document.file)
