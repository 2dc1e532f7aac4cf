"""The forms for scripts and services."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest

import squidmesh
from squidmesh.authoring.diagnostics import Diagnostic, Severity, Span
from squidmesh.authoring.render import as_json, github, gitlab, junit, sarif
from squidmesh.authoring.render.report import Report
from squidmesh.authoring.rules import all_rules

PLACE = Span(line=3, column=5, end_line=3, end_column=9)
ERROR = Diagnostic(
    code="SM201",
    severity=Severity.ERROR,
    message="unknown key 'a: b, 100%'",
    file="flows/a b.yaml",
    span=PLACE,
    excerpt="    x: <&>",
    related=(("first <here>", Span(line=1, column=1, end_line=2, end_column=1)),),
)
WARNING = Diagnostic(
    code="SM999",
    severity=Severity.WARNING,
    message="careful",
    file="flows/c.yaml",
    span=Span(line=4, column=1, end_line=6, end_column=1),
)
REPORT = Report(files=("flows/a b.yaml", "flows/c.yaml", "flows/d.yaml"), diagnostics=(ERROR, ERROR, WARNING))
NOTHING = Report(files=("flows/d.yaml",), diagnostics=())


def test_json_says_everything() -> None:
    """All fields of a finding, and the counts."""
    document = json.loads(as_json.render(REPORT))
    assert (document["files"], document["errors"], document["warnings"]) == (3, 2, 1)
    assert document["diagnostics"][0] == {
        "code": "SM201",
        "severity": "error",
        "message": "unknown key 'a: b, 100%'",
        "file": "flows/a b.yaml",
        "line": 3,
        "column": 5,
        "end_line": 3,
        "end_column": 9,
        "excerpt": "    x: <&>",
        "related": [{"message": "first <here>", "line": 1, "column": 1, "end_line": 2, "end_column": 1}],
    }


def test_github_commands_are_escaped() -> None:
    """Colons and commas end a property, a percent sign begins an escape; columns only within one line."""
    first, _, third = github.render(REPORT).split("\n")
    assert first == (
        "::error file=flows/a b.yaml,line=3,endLine=3,col=5,endColumn=9,title=SM201::unknown key 'a: b, 100%25' [SM201]"
    )
    assert third == "::warning file=flows/c.yaml,line=4,endLine=6,title=SM999::careful [SM999]"


def test_github_file_names_are_escaped() -> None:
    """A file name cannot add a property or a command."""
    sly = Diagnostic(code="SM1", severity=Severity.ERROR, message="a\n::error::b", file="x,line=9:\n.yaml", span=PLACE)
    command = github.render(Report(files=(), diagnostics=(sly,)))
    assert "\n" not in command
    assert command.startswith("::error file=x%2Cline=9%3A%0A.yaml,line=3,")


def test_gitlab_has_the_required_fields() -> None:
    """description, check_name, fingerprint, severity, location.path, location.lines.begin."""
    issues = json.loads(gitlab.render(REPORT))
    assert issues[0] | {"fingerprint": ""} == {
        "description": "unknown key 'a: b, 100%'",
        "check_name": "SM201",
        "fingerprint": "",
        "severity": "major",
        "location": {"path": "flows/a b.yaml", "lines": {"begin": 3, "end": 3}},
    }
    assert issues[2]["severity"] == "minor"
    assert len({issue["fingerprint"] for issue in issues}) == 3
    assert json.loads(gitlab.render(NOTHING)) == []


@pytest.mark.parametrize("fingerprints", ["gitlab", "sarif"])
def test_a_finding_that_moves_is_the_same_finding(fingerprints: str) -> None:
    """Fingerprints hold no line, so that an edit above does not open what was dismissed."""
    moved = Diagnostic(
        code=ERROR.code, severity=ERROR.severity, message=ERROR.message, file=ERROR.file, span=WARNING.span
    )

    def of(diagnostic: Diagnostic) -> Any:
        report = Report(files=(), diagnostics=(diagnostic,))
        if fingerprints == "gitlab":
            return json.loads(gitlab.render(report))[0]["fingerprint"]
        return json.loads(sarif.render(report))["runs"][0]["results"][0]["partialFingerprints"]

    assert of(ERROR) == of(moved)
    assert of(ERROR) != of(WARNING)


def test_sarif_names_version_and_tool() -> None:
    """Sections 3.13, 3.14, 3.18 and 3.19: version, one run, the driver's name and version, how columns count."""
    log = json.loads(sarif.render(REPORT))
    assert log["version"] == "2.1.0"
    assert urlsplit(log["$schema"]).path.endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("squidmesh", squidmesh.__version__)


def test_sarif_describes_every_rule() -> None:
    """Section 3.49: unique ids, and texts that are sentences; levels are those of the enumeration."""
    rules = json.loads(sarif.render(REPORT))["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in all_rules()]
    for rule in rules:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", rule["name"])
        assert rule["shortDescription"]["text"].endswith(".")
        assert rule["fullDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"none", "note", "warning", "error"}


def test_sarif_doubles_braces() -> None:
    """Section 3.11.5: a single brace would begin or end a placeholder."""
    text = "{now: iso8601} and }"
    braced = dataclasses.replace(ERROR, message=text, related=((text, PLACE),))
    run = json.loads(sarif.render(Report(files=(), diagnostics=(braced,))))["runs"][0]
    (result,) = run["results"]
    messages = [result["message"], result["relatedLocations"][0]["message"]]
    messages += [
        rule[part] for rule in run["tool"]["driver"]["rules"] for part in ("shortDescription", "fullDescription")
    ]
    assert [message["text"] for message in messages[:2]] == ["{{now: iso8601}} and }}"] * 2
    assert [message for message in messages if re.search("[{}]", re.sub("{{|}}", "", message["text"]))] == []


def test_sarif_results_point_at_rules_and_places() -> None:
    """Sections 3.27 to 3.30: ruleIndex agrees with ruleId, URIs are references, regions are of one or more lines."""
    run = json.loads(sarif.render(REPORT))["runs"][0]
    rules, results = run["tool"]["driver"]["rules"], run["results"]
    assert rules[results[0]["ruleIndex"]]["id"] == results[0]["ruleId"] == "SM201"
    assert "ruleIndex" not in results[2]
    assert [result["level"] for result in results] == ["error", "error", "warning"]
    location = results[0]["locations"][0]["physicalLocation"]
    assert location == {
        "artifactLocation": {"uri": "flows/a%20b.yaml"},
        "region": {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9},
    }
    (related,) = results[0]["relatedLocations"]
    assert (related["id"], related["message"]["text"]) == (1, "first <here>")
    assert results[0]["partialFingerprints"] != results[1]["partialFingerprints"]


def test_sarif_without_findings_still_has_results() -> None:
    """Section 3.14.23: an empty list says that the tool ran and found nothing."""
    assert json.loads(sarif.render(NOTHING))["runs"][0]["results"] == []


def test_junit_has_a_case_for_each_file() -> None:
    """Errors fail a case, warnings are its output, and what is fine passes."""
    suites = ET.fromstring(junit.render(REPORT))
    assert suites.attrib == {"tests": "3", "failures": "1", "errors": "0"}
    cases = {case.attrib["name"]: case for case in suites.iter("testcase")}
    assert list(cases) == ["flows/a b.yaml", "flows/c.yaml", "flows/d.yaml"]
    failure = cases["flows/a b.yaml"].find("failure")
    assert failure is not None
    assert failure.attrib == {"type": "SM201", "message": "unknown key 'a: b, 100%' (and 1 more)"}
    assert "    x: <&>" in (failure.text or "")
    assert cases["flows/c.yaml"].find("failure") is None
    assert cases["flows/c.yaml"].findtext("system-out") == "flows/c.yaml:4:1: warning: careful [SM999]"
    assert list(cases["flows/d.yaml"]) == []


def test_junit_stays_xml_whatever_a_file_is_called() -> None:
    """A control character, which XML has no way to write, becomes a blank."""
    sly = Diagnostic(code="SM1", severity=Severity.ERROR, message="a\x00b", file="x\x1b.yaml", span=PLACE)
    (case,) = ET.fromstring(junit.render(Report(files=(), diagnostics=(sly,)))).iter("testcase")
    assert case.attrib["name"] == "x .yaml"
