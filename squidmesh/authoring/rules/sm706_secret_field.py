"""SM706: secrets in a payload are marked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from squidmesh.authoring.diagnostics import Diagnostic, Severity
from squidmesh.authoring.rules import Rule, Subject
from squidmesh.model.definition import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from squidmesh.authoring.document import Place
    from squidmesh.model.definition import Field

_SECRET = re.compile(
    r"(^|_)(password|passwd|passphrase|pwd|secret|token|credentials?|api_?key|access_key|private_key|secret_key|"
    r"signing_key|encryption_key|cvv|cvc|ssn|pin)$",
    re.IGNORECASE,
)


def _check(subject: Subject) -> Iterator[Diagnostic]:
    for name, trigger in subject.workflow.triggers.items():
        yield from _below(subject, trigger.payload, ("triggers", name, "payload"))


def _below(subject: Subject, fields: Mapping[str, Field], place: Place) -> Iterator[Diagnostic]:
    for name, field in fields.items():
        if field.sensitive:
            continue
        path = (*place, name)
        if field.type in {FieldType.STRING, FieldType.MAP, FieldType.INTEGER} and _SECRET.search(name):
            message = (
                f"{name!r} looks like a secret, and payloads are shown and logged; add 'sensitive: true', "
                "or pass the name of a secret that the host looks up"
            )
            yield subject.document.diagnostic("SM706", message, path, on="key", severity=Severity.WARNING)
        yield from _below(subject, field.properties or {}, (*path, "properties"))


_GOOD = """\
workflow: shop.sync
triggers:
  by_hand:
    manual: {}
    payload:
      api_key: {type: string, sensitive: true}
steps:
  sync: {uses: shop.sync, next: complete}
"""

RULE = Rule(
    code="SM706",
    name="secret-field",
    severity=Severity.WARNING,
    summary="A payload field has the name of a secret and is not marked as sensitive.",
    explanation=(
        "Payloads are stored with the run and shown by the command line, logs and pages. sensitive: true shows *** "
        "instead; better still, pass the name of a secret and let the step look it up."
    ),
    bad=_GOOD.replace(", sensitive: true", ""),
    good=_GOOD,
    check=_check,
)
