"""Everything that is wrong with one workflow file, found in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from squidmesh.authoring.compile import compile_document
from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.document import Document, read_document
from squidmesh.authoring.rules import Subject, all_rules
from squidmesh.authoring.schema import check_shape
from squidmesh.authoring.silencing import audible
from squidmesh.model.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from squidmesh.authoring.diagnostics import Span
    from squidmesh.model.definition import Workflow
    from squidmesh.steps.registry import StepRegistry

MOST_OF_ONE_RULE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LintResult:
    """What became of a file.

    ``workflow`` is there once the file is good YAML of the right shape, even if ``diagnostics`` (sorted by place)
    then hold errors of the rules; ``document`` once it can be read at all.
    """

    file: str
    workflow: Workflow | None
    diagnostics: tuple[Diagnostic, ...]
    document: Document | None = None

    @property
    def ok(self) -> bool:
        """Whether the workflow may be loaded: warnings do not count."""
        return not any(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)


def lint_text(text: str | bytes, file: str, *, registry: StepRegistry | None = None) -> LintResult:
    """Check a workflow file, as far as what is wrong with it allows; no ``registry``: step types are not checked."""
    document, found = read_document(text, file)
    if document is None:
        return LintResult(file=file, workflow=None, diagnostics=tuple(found))
    shape = check_shape(document)
    places = {diagnostic.span for diagnostic in found}
    tags = [diagnostic.span for diagnostic in found if diagnostic.code == "SM106"]
    broken = [*found, *(diagnostic for diagnostic in shape.diagnostics if diagnostic.span not in places)]
    workflow, findings = None, []
    if shape.document is not None:
        compiled = compile_document(shape.document)
        subject = Subject(document=shape.document, workflow=compiled, graph=Graph(compiled), registry=registry)
        findings = [each for each in _run_rules(subject) if not shape.misleads(each) and not _is_tagged(each, tags)]
        workflow = None if broken else compiled
    places |= {diagnostic.span for diagnostic in broken}
    findings = [finding for finding in audible(findings, document) if finding.span not in places]
    diagnostics = sorted({*broken, *findings}, key=_order)
    return LintResult(file=file, workflow=workflow, diagnostics=tuple(diagnostics), document=document)


def _is_tagged(finding: Diagnostic, tags: Sequence[Span]) -> bool:
    """Return whether a finding is about a value that a tag tears apart: it begins behind the tag, in its line."""
    span = finding.span
    return any(tag.line == span.line and tag.column <= span.column for tag in tags)


def _run_rules(subject: Subject) -> Iterator[Diagnostic]:
    for rule in all_rules():
        if rule.check is not None:
            # A generated file may break one rule a million times; nobody reads on.
            yield from islice(rule.check(subject), MOST_OF_ONE_RULE)


def _order(diagnostic: Diagnostic) -> tuple[object, ...]:
    return diagnostic.span.line, diagnostic.span.column, diagnostic.code, diagnostic.message
