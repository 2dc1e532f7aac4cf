"""GitLab's Code Quality report: a JSON list, findings told apart by fingerprint."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from squidmesh.authoring.diagnostics import Severity
from squidmesh.authoring.render.report import occurrences, relative_path

if TYPE_CHECKING:
    from squidmesh.authoring.diagnostics import Diagnostic
    from squidmesh.authoring.render.report import Report

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor"}


def render(report: Report) -> str:
    """Return the report; a fingerprint leaves the line out, so that a finding that moves stays the same one."""
    keys = [_key(diagnostic) for diagnostic in report.diagnostics]
    issues = [
        _issue(diagnostic, f"{key}\0{count}")
        for diagnostic, key, count in zip(report.diagnostics, keys, occurrences(keys), strict=True)
    ]
    return json.dumps(issues, indent=2)


def _key(diagnostic: Diagnostic) -> str:
    return "\0".join((relative_path(diagnostic.file), diagnostic.code, diagnostic.message))


def _issue(diagnostic: Diagnostic, identity: str) -> dict[str, Any]:
    return {
        "description": diagnostic.message,
        "check_name": diagnostic.code,
        "fingerprint": hashlib.sha256(identity.encode(errors="replace")).hexdigest(),
        "severity": _SEVERITIES[diagnostic.severity],
        "location": {
            "path": relative_path(diagnostic.file),
            "lines": {"begin": diagnostic.span.line, "end": diagnostic.span.end_line},
        },
    }
