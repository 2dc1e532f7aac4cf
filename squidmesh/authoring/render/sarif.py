"""SARIF 2.1.0 (OASIS Standard), the exchange format of code scanning."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import squidmesh
from squidmesh.authoring.render.report import occurrences, uri
from squidmesh.authoring.rules import Rule, all_rules

if TYPE_CHECKING:
    from squidmesh.authoring.diagnostics import Diagnostic, Span
    from squidmesh.authoring.render.report import Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(report: Report) -> str:
    """Return a log with one run; columns count Unicode code points."""
    rules = all_rules()
    index = {rule.code: number for number, rule in enumerate(rules)}
    keys = [f"{uri(diagnostic.file)}\0{diagnostic.code}\0{diagnostic.message}" for diagnostic in report.diagnostics]
    run = {
        "tool": {
            "driver": {
                "name": "squidmesh",
                "semanticVersion": squidmesh.__version__,
                "rules": [_descriptor(rule) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(diagnostic, index, f"{key}\0{count}")
            for diagnostic, key, count in zip(report.diagnostics, keys, occurrences(keys), strict=True)
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _descriptor(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": _message(rule.summary),
        "fullDescription": _message(rule.explanation),
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(diagnostic: Diagnostic, index: dict[str, int], identity: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "level": diagnostic.severity.value,
        "message": _message(diagnostic.message),
        "locations": [_location(diagnostic.file, diagnostic.span)],
        "partialFingerprints": {"squidmesh/v1": hashlib.sha256(identity.encode(errors="replace")).hexdigest()},
    }
    if diagnostic.code in index:
        result["ruleIndex"] = index[diagnostic.code]
    if diagnostic.related:
        result["relatedLocations"] = [
            _location(diagnostic.file, span) | {"id": number, "message": _message(note)}
            for number, (note, span) in enumerate(diagnostic.related, 1)
        ]
    return result


def _message(text: str) -> dict[str, str]:
    """Return a message; a brace is doubled, since a single one begins a placeholder (SARIF 2.1.0, 3.11.5)."""
    return {"text": text.replace("{", "{{").replace("}", "}}")}


def _location(file: str, span: Span) -> dict[str, Any]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    return {"physicalLocation": {"artifactLocation": {"uri": uri(file)}, "region": region}}
