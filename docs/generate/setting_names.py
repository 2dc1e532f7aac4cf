"""The page of the settings, from ``squidmesh/settings/``; a setting without words here has no page."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from markdown import table

from squidmesh.cli.lint_settings import LintSettings
from squidmesh.settings import Settings

PAGE = "reference/settings.md"
_MEANINGS = {
    "app": "`module:attribute`: the host's `SquidMesh`, or a function that returns it, for every command",
    "database_url": "`postgresql://…`, or `embedded:PATH` for a private PostgreSQL; without it, `.squidmesh/` of the "
    "working directory or its nearest parent that has one",
    "workflows": "a file, a folder, or a list of them",
    "schema": "the PostgreSQL schema that holds the tables",
    "queue": "the queue that a worker serves unless it is told others",
    "lease": "how long a claim holds without a heartbeat, at least 1s; a worker that died is noticed after this and a "
    "sweep",
    "poll_interval": "how often a worker looks for due steps when no wake-up reaches it",
    "sweep_interval": "how often a worker looks for passed leases, deadlines and time-outs",
    "grace": "how long running steps may go on after SIGTERM",
    "max_value_bytes": "the largest payload, input or output, as JSON",
    "on_worker_lost": (
        "`retry`, `pause` or `fail`: what to do with a step whose worker died after its call had begun, unless the "
        "step says; but for `retry`, noting that costs a statement before each call"
    ),
    "max_losses": "how many lost workers a step survives before it fails",
    "retention": "how long finished runs are kept; without it, for ever",
}
_TEXT = """\
# Settings

Read from arguments (`SquidMesh(…, lease="1m")`, options of commands), then `SQUIDMESH_*` variables, then
`[tool.squidmesh]` of the nearest `squidmesh.toml` or `pyproject.toml`, upwards from the working directory. All problems
are reported at once. Durations are text with a unit: `250ms`, `5s`, `10m`, `2h`, `1d`. Relative paths in a file start
at that file's folder, those of arguments and variables at the working directory. A `squidmesh.toml` has the tables that
we have in `pyproject.toml`, and no others: what stands outside `[tool.squidmesh]` there is a problem, not passed over.

{settings}

```toml
# squidmesh.toml
[tool.squidmesh]
database_url = "postgresql://localhost/shop"
workflows = ["workflows"]
lease = "1m"
```

Two tables stand beside the settings: `[tool.squidmesh.steps]` registers step types of an application that is not an
installed package, and `[tool.squidmesh.validate]` holds {validate} for
`squidmesh validate`.
"""


def render() -> str:
    """Return the page."""
    rows = [
        (f"`{field.name}`", f"`SQUIDMESH_{field.name.upper()}`", _shown(field.default), _MEANINGS[field.name])
        for field in dataclasses.fields(Settings)
        if field.name != "source"
    ]
    *others, last = [f"`{field.name}`" for field in dataclasses.fields(LintSettings)]
    return _TEXT.format(
        settings=table(("setting", "variable", "default", "meaning"), rows),
        validate=f"{', '.join(others)} and {last}",
    )


def _shown(default: object) -> str:
    match default:
        case None | ():
            return "none"
        case timedelta():
            return f"`{default.total_seconds():g}s`"
        case _:
            return f"`{default}`"
