"""Reading what is stored about runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from squidmesh.errors import InvalidValue, suggestion
from squidmesh.mesh.wiring import Wiring
from squidmesh.model.identity import parse_run_id
from squidmesh.model.state import RunStatus
from squidmesh.model.values import check, check_moment, check_texts, encode
from squidmesh.runtime import explanation, fleet, inspection, run_ids
from squidmesh.store.listings import RunFilter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from squidmesh.model.fleet import FleetGroup
    from squidmesh.model.run import Explanation, Run
    from squidmesh.model.standing import Standing


LONGEST_PAGE = 10_000


class Reading(Wiring):
    """The façade's calls that read and change nothing."""

    def inspect_run(self, run_id: UUID | str, *, include_history: bool = False) -> Run:
        """Return the persisted facts of a run; ``InvalidRunId`` or ``RunNotFound`` otherwise."""
        return inspection.inspect_run(self.database, parse_run_id(run_id), include_history=include_history)

    def explain_run(self, run_id: UUID | str) -> Explanation:
        """Return why a run is where it is; ``InvalidRunId`` or ``RunNotFound`` otherwise."""
        # Files that nobody has asked for yet are not read for it: there may be a thousand, or a broken one.
        return explanation.explain_run(self.database, parse_run_id(run_id), self.__dict__.get("workflows", {}))

    def explain_fleet(self, workflow: str | None = None) -> list[FleetGroup]:
        """Return all open runs (of one workflow, if named) grouped by reason, step and error code, most first.

        It takes two statements, however many runs there are.
        """
        check_texts(workflow=workflow)
        return fleet.explain_fleet(self.database, workflow)

    def explain_runs(self, ids: Sequence[UUID | str]) -> dict[UUID, Standing]:
        """Return, for each of some runs, the reason, step and time that ``explain_run`` gives; a few statements in all.

        Ids of no run are left out; ``InvalidRunId`` for a value that is none.
        """
        return fleet.standings(self.database, [parse_run_id(run_id) for run_id in ids])

    def find_run_id(self, beginning: UUID | str) -> UUID:
        """Return the id of the one run whose id is this, or begins so.

        ``AmbiguousRunId`` names several, ``RunNotFound`` those that begin almost so; ``InvalidRunId`` if no id can.
        """
        return run_ids.find_run_id(self.database, beginning)

    def list_runs(
        self,
        *,
        workflow: str | None = None,
        trigger: str | None = None,
        status: str | Sequence[str] | None = None,
        idempotency_key: str | None = None,
        payload: Mapping[str, Any] | None = None,
        since: datetime | None = None,
        limit: int = 50,
        cursor: UUID | str | None = None,
    ) -> list[Run]:
        """Return runs without history, the newest first; all that is given must hold of each.

        ``status`` is one or several. ``payload`` is what a run's payload contains: these fields with these values, of
        maps and lists inside as many as are named. ``since`` is an aware time. ``limit`` is 10,000 at most, ``cursor``
        the id of the last run of the page before. ``InvalidValue`` names the argument that cannot be, ``InvalidRunId``
        the cursor.
        """
        check_texts(workflow=workflow, trigger=trigger, idempotency_key=idempotency_key)
        return inspection.list_runs(
            self.database,
            RunFilter(
                workflow=workflow,
                trigger=trigger,
                status=_statuses(status),
                idempotency_key=idempotency_key,
                payload=_contained(payload, self.settings.max_value_bytes),
                since=_aware(since),
                before=parse_run_id(cursor) if cursor is not None else None,
                limit=_limit(limit),
            ),
        )


def _statuses(status: str | Sequence[str] | None) -> tuple[RunStatus, ...]:
    if status is not None and not isinstance(status, (str, Iterable)):
        raise InvalidValue("status", f"must be one status or several, found {status!r:.80}")
    given = [status] if isinstance(status, str) else list(status or ())
    known = [each.value for each in RunStatus]
    for each in given:
        if each not in known:
            raise InvalidValue(
                "status", f"{each!r} is no status of a run{suggestion(str(each), known)}: {', '.join(known)}"
            )
    return tuple(RunStatus(each) for each in given)


def _contained(payload: Mapping[str, Any] | None, max_bytes: int) -> Mapping[str, Any] | None:
    if payload is None:
        return None
    if not isinstance(payload, Mapping):
        raise InvalidValue("payload", f"must be a mapping of fields, found {type(payload).__name__}")
    check(payload, "payload")
    return dict(json.loads(encode(payload, max_bytes=max_bytes)))


def _aware(since: datetime | None) -> datetime | None:
    return check_moment("since", since) if since is not None else None


def _limit(limit: int) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LONGEST_PAGE:
        raise InvalidValue(
            "limit", f"must be a whole number from 1 to {LONGEST_PAGE}, found {limit!r}; cursor turns to the next page"
        )
    return limit
