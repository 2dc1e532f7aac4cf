"""The page of the errors, from ``squidmesh/errors.py``."""

from __future__ import annotations

import dataclasses
import re

from markdown import first_sentence, table

from squidmesh import errors

PAGE = "reference/errors.md"
# Who writes each code, and what it means; a step's own codes are its own.
CODES = {
    "deadline_passed": "a gate's deadline passed with `on_deadline: fail`",
    "expression_failed": "a `when` could not be evaluated, or was neither true nor false",
    "failed_by_route": "a route led to `fail` where nothing had failed before",
    "invalid_input": "the input breaks the step type's schema, or has a value of the wrong type",
    "invalid_output": "the output breaks the step type's schema, or is not JSON",
    "missing_input": "a required parameter has no value; the message names who would have provided it",
    "no_route": "none of a step's conditional routes held",
    "rejected": "an approval was rejected and has no `error` route",
    "run_cancelled": "the run was cancelled",
    "run_timed_out": "the run was not finished within its `timeout`",
    "step_failed": "the step raised `StepFailed` without a code of its own",
    "step_raised": "the step raised an exception of another kind",
    "step_retry": "the step raised `RetryStep` without a code of its own",
    "step_timed_out": "an attempt took longer than the step's `timeout`",
    "step_type_unavailable": "the worker cannot load the step type, or does not know it",
    "transaction_async": "a step with `transaction: true` has a step type that is `async`",
    "transaction_broken": "a step with `transaction: true` ended the transaction itself",
    "transaction_failed": "the database refused the commit of a step with `transaction: true`",
    "unrecordable": "the database refused what the step returned or raised",
    "worker_lost": "the worker vanished while the step ran",
}
_TEXT = """\
# Errors

Everything that Squid Mesh raises on purpose is a `SquidMeshError`, from `squidmesh.errors`. The data of an error are
its attributes, so that a host can act on them without reading the text, and each can be pickled. A database error that
reaches you is one of these, with the cause chained to it; passwords in URLs are never shown.

{groups}

## Error codes of steps and runs

The failure of an attempt, a step or a run is stored as `{{message, code, type, retryable, details}}`. A step gives
codes of its own with `StepFailed(message, code)`; these are the engine's:

{codes}
"""


def render() -> str:
    """Return the page."""
    return _TEXT.format(
        groups="\n\n".join(_group(title, names) for title, names in groups().items()),
        codes=table(("code", "means"), [(f"`{code}`", text) for code, text in CODES.items()]),
    )


def groups() -> dict[str, list[str]]:
    """Return the groups of the tree as the module's docstring draws them."""
    drawn = re.sub(r"\n[│ ]{10,}", " ", errors.__doc__ or "")
    return {title: names.split() for title, names in re.findall(r"[├└]── (\w+) +(.+)", drawn)}


def _group(title: str, names: list[str]) -> str:
    rows = []
    for name in names:
        error = getattr(errors, name)
        attributes = ", ".join(f"`{field.name}`" for field in dataclasses.fields(error))
        rows.append((f"`{name}`", first_sentence(error), attributes))
    return f"## {title.capitalize()}\n\n" + table(("error", "means", "attributes"), rows)
