"""JUnit XML: a test case for each file, failed by errors and remarked on by warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.render.concise import render as render_concise
from squidmesh.authoring.render.full import render_one
from squidmesh.authoring.render.report import Report, visible

if TYPE_CHECKING:
    from squidmesh.authoring.diagnostics import Diagnostic


def render(report: Report) -> str:
    """Return one suite; the tests are the files."""
    files = report.all_files()
    failed = sum(any(_is_error(diagnostic) for diagnostic in report.of(file)) for file in files)
    counts = {"tests": str(len(files)), "failures": str(failed), "errors": "0"}
    suites = ET.Element("testsuites", counts)
    suite = ET.SubElement(suites, "testsuite", {"name": "squidmesh validate", **counts})
    for file in files:
        _add_case(suite, file, report.of(file))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode")


def _add_case(suite: ET.Element, file: str, found: tuple[Diagnostic, ...]) -> None:
    case = ET.SubElement(suite, "testcase", {"classname": "squidmesh.validate", "name": visible(file)})
    errors = [diagnostic for diagnostic in found if _is_error(diagnostic)]
    warnings = tuple(diagnostic for diagnostic in found if not _is_error(diagnostic))
    if errors:
        first, more = errors[0], len(errors) - 1
        message = visible(first.message) + (f" (and {more} more)" if more else "")
        failure = ET.SubElement(case, "failure", {"type": first.code, "message": message})
        failure.text = "\n\n".join(render_one(diagnostic) for diagnostic in errors)
    if warnings:
        ET.SubElement(case, "system-out").text = render_concise(Report(files=(file,), diagnostics=warnings))


def _is_error(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity is Severity.ERROR
