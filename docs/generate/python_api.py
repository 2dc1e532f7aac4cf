"""The page of the Python API, from signatures and docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import TYPE_CHECKING, Any

from markdown import first_sentence, prose, table

import squidmesh.http
from squidmesh import RetryStep, SquidMesh, StepContext, StepFailed, Success, step
from squidmesh.model.fleet import FleetGroup
from squidmesh.model.run import Attempt, AuditEvent, Explanation, Run, StepRun, StepState
from squidmesh.model.schedule import Schedule
from squidmesh.testing import DrivenMesh, Replacement, step_context
from squidmesh.worker.processes import ProcessWorker
from squidmesh.worker.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = "reference/python-api.md"
VALUES = (Run, StepState, StepRun, Attempt, AuditEvent, Explanation, FleetGroup, Schedule)
_TEXT = """\
# Python API

`from squidmesh import SquidMesh, StepContext, StepFailed, RetryStep, Success, step`

A run id is a UUID or its text; anything else raises `InvalidRunId`. Every error is a
[`SquidMeshError`](errors.md). Values are frozen dataclasses with `to_dict()`, which is ready for JSON. Statuses are
string enums, so `run.status == "completed"` holds.

## SquidMesh

{mesh}

## Worker

{worker}

## ProcessWorker

{processes}

## Steps

{steps}

## Testing

`squidmesh.testing` is a pytest plugin, there where the package is installed. Fixtures: `mesh`, a `DrivenMesh`;
`mesh_options`, to be overridden with arguments for it; `squidmesh_database`, the URL of the test's own database. The
ini option `squidmesh_workflows` names its workflows, the option `--squidmesh-database URL` the server that it makes
databases on.

{testing}

## Values

{values}
"""


def render() -> str:
    """Return the page."""
    return _TEXT.format(
        mesh=_class(SquidMesh, constructor=True),
        worker=_class(Worker),
        processes=_class(ProcessWorker),
        steps="\n\n".join(_steps()),
        testing="\n\n".join(_testing()),
        values="\n\n".join(_value(value) for value in VALUES),
    )


def _steps() -> Iterator[str]:
    yield f"### step\n\n{_entry('step', step)}"
    yield f"### StepContext\n\n{prose(StepContext)}\n\n{_properties(StepContext)}"
    for answer in (Success, StepFailed, RetryStep):
        yield f"### {answer.__name__}\n\n{_entry(answer.__name__, answer)}"
    yield f"### squidmesh.http.send\n\n{_entry('send', squidmesh.http.send)}"


def _testing() -> Iterator[str]:
    yield f"### DrivenMesh\n\n{prose(DrivenMesh)}"
    own = [(name, method) for name, method in _methods(DrivenMesh) if name in vars(DrivenMesh)]
    yield from (f"#### {name}\n\n{_entry(name, method)}" for name, method in own)
    yield f"### Replacement\n\n{prose(Replacement)}"
    yield f"### step_context\n\n{_entry('step_context', step_context)}"


def _class(owner: type, *, constructor: bool = False) -> str:
    parts = [_entry(owner.__name__, owner) if constructor else prose(owner)]
    parts += [f"### {name}\n\n{_entry(name, method)}" for name, method in _methods(owner)]
    return "\n\n".join(part for part in (*parts, _properties(owner)) if part)


def _methods(owner: type) -> list[tuple[str, Callable[..., Any]]]:
    found = [(name, method) for name, method in inspect.getmembers(owner, inspect.isfunction) if name[0] != "_"]
    return sorted(found, key=lambda item: item[0])


def _properties(owner: type) -> str:
    rows = [
        (f"`{name}`", first_sentence(found))
        for name, found in inspect.getmembers(owner)
        if name[0] != "_" and not callable(found) and inspect.getdoc(found) and hasattr(found, "__get__")
    ]
    return table(("attribute", "holds"), rows) if rows else ""


def _entry(name: str, call: Callable[..., Any]) -> str:
    return f"```text\n{_signature(name, call)}\n```\n\n{prose(call)}"


def _signature(name: str, call: Callable[..., Any]) -> str:
    """Return a call as it is written in source, one parameter a line where it would be long."""
    signature = inspect.signature(call)
    parameters = [item for item in signature.parameters.values() if item.name != "self"]
    text = re.sub(r" -> None$", "", _unquoted(str(signature.replace(parameters=parameters))))
    if len(name + text) <= 100:  # noqa: PLR2004 - what fits a line of the page
        return name + text
    inner = [_unquoted(str(item)) for item in parameters]
    first_keyword = next((i for i, item in enumerate(parameters) if item.kind is item.KEYWORD_ONLY), len(inner))
    if not any(item.kind is item.VAR_POSITIONAL for item in parameters) and first_keyword < len(inner):
        inner.insert(first_keyword, "*")
    returned = text.rpartition(") -> ")[2] if ") -> " in text else ""
    return f"{name}(\n" + "".join(f"    {part},\n" for part in inner) + ")" + (f" -> {returned}" if returned else "")


def _unquoted(text: str) -> str:
    """Return a signature whose annotations are not shown as the texts that they are."""
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)


def _value(value: type) -> str:
    rows = [(f"`{field.name}`", f"`{field.type}`".replace("'", "")) for field in dataclasses.fields(value)]
    return f"### {value.__name__}\n\n{prose(value)}\n\n{table(('field', 'type'), rows)}"
