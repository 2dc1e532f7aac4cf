"""What an operator may do to a run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from squidmesh.mesh.starting import Starting
from squidmesh.model.identity import parse_run_id
from squidmesh.model.ruling import ManualAction, Ruling, check_ruling
from squidmesh.model.values import check_texts
from squidmesh.runtime.cancellation import Cancel, cancel_run, definition_of_run
from squidmesh.runtime.manual import decide_run
from squidmesh.runtime.replay import LATEST, ORIGINAL, Replay, newest_definition, rehearse_replay, replay_run
from squidmesh.runtime.wake import wake_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from squidmesh.model.run import Run
    from squidmesh.runtime.definitions import Definition


class Operating(Starting):
    """The façade's calls that change a run that is under way."""

    def cancel_run(
        self,
        run_id: UUID | str,
        *,
        actor: str | None = None,
        reason: str | None = None,
        compensate: bool = False,
        force: bool = False,
    ) -> Run:
        """Cancel a run and return it: ``cancelled``, or ``cancelling`` while attempts or compensations run.

        Steps that do not run are cancelled; callables that run see ``ctx.cancelled``, and their results are
        still recorded. ``compensate`` undoes what had completed, as after a failure. ``force`` takes the running
        steps from their workers, whose results are refused from then on. A run that is cancelling may be asked
        again, to force it or to have it compensate. ``InvalidTransition`` if the run has ended, ``InvalidValue`` for
        an actor or a reason that cannot be kept.
        """
        check_texts(actor=actor, reason=reason)
        cancel = Cancel(actor=actor, reason=reason, compensate=compensate, force=force)
        id_ = parse_run_id(run_id)
        cancel_run(self.engine, id_, cancel)
        return self.inspect_run(id_)

    def replay_run(
        self,
        run_id: UUID | str,
        *,
        from_step: str | None = None,
        allow_irreversible: bool = False,
        definition: str = "latest",
        actor: str | None = None,
    ) -> Run:
        """Start a finished run again, as a new run with the same payload, and return that.

        It runs on the ``latest`` definition (the loaded file's, else the newest known) or on the ``original`` one.
        With ``from_step``, a step's name or ``"failed"``, it runs on the original: completed steps before that one
        are carried over with their outputs, and execution begins there.

        ``UnsafeReplay`` if a step that cannot be undone would run again, unless ``allow_irreversible`` is True;
        only True and False are taken, anything else raises ``ValueError``. ``InvalidTransition`` if the run has
        not ended, or cannot be replayed from that step.
        """
        id_ = parse_run_id(run_id)
        replay = self._replay(id_, from_step, definition, allow_irreversible=allow_irreversible, actor=actor)
        start = replay_run(self.database, id_, replay)
        self._announce([start])
        return self.inspect_run(start.run.id)

    def rehearse_replay(
        self,
        run_id: UUID | str,
        *,
        from_step: str | None = None,
        allow_irreversible: bool = False,
        definition: str = "latest",
    ) -> None:
        """Raise what ``replay_run`` with these arguments would raise now; return if it would start a run.

        Nothing is written. What somebody else does before the replay itself may still keep it from starting one.
        """
        id_ = parse_run_id(run_id)
        replay = self._replay(id_, from_step, definition, allow_irreversible=allow_irreversible, stored=False)
        rehearse_replay(self.database, id_, replay)

    def _replay(
        self,
        run_id: UUID,
        from_step: str | None,
        definition: str,
        *,
        allow_irreversible: bool,
        actor: str | None = None,
        stored: bool = True,
    ) -> Replay:
        """Return what was asked for; the definition that it runs on is stored, if it is new, unless told not to."""
        if not isinstance(allow_irreversible, bool):
            raise ValueError(f"allow_irreversible must be True or False, found {allow_irreversible!r}")
        if definition not in (LATEST, ORIGINAL):
            raise ValueError(f"definition must be {LATEST!r} or {ORIGINAL!r}, found {definition!r}")
        check_texts(from_step=from_step, actor=actor)
        original = definition_of_run(self.engine, run_id)
        newest = definition == LATEST and from_step is None
        return Replay(
            original=original,
            target=self._latest(original.workflow.name, stored=stored) if newest else original,
            from_step=from_step,
            allow_irreversible=allow_irreversible,
            actor=actor,
            max_value_bytes=self.settings.max_value_bytes,
        )

    def _latest(self, workflow: str, *, stored: bool) -> Definition:
        """Return the loaded definition of a workflow, or the newest that the database knows."""
        if workflow in self.workflows:
            loaded = self.workflows[workflow]
            return self._definition(loaded) if stored else self.engine.definitions.sketch(loaded)
        return newest_definition(self.engine, workflow)

    def wake_run(
        self, run_id: UUID | str, *, step: str | None = None, actor: str | None = None
    ) -> dict[str, timedelta]:
        """Make a waiting retry or timer due now; return how long each woken step would still have waited.

        ``InvalidTransition`` if nothing of the run (or of ``step``) waits for a time.
        """
        check_texts(step=step, actor=actor)
        woken = wake_run(self.database, parse_run_id(run_id), step=step, actor=actor)
        self.engine.notifier.announce(timedelta())
        return woken

    def approve_run(
        self,
        run_id: UUID | str,
        *,
        actor: str | None = None,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        step: str | None = None,
    ) -> Run:
        """Approve the one approval that waits, or the one named, and return the run, which goes on along ``ok``.

        Raises ``ActorRequired``, ``RunNotPaused`` (with the decision that stands), ``WrongManualAction``,
        ``InvalidTransition`` if the run has ended, ``InvalidValue``, ``InvalidRunId`` or ``RunNotFound``.
        """
        ruling = Ruling(action=ManualAction.APPROVE, actor=actor, comment=comment, metadata=metadata, step=step)
        return self._decide(run_id, ruling)

    def reject_run(
        self,
        run_id: UUID | str,
        *,
        actor: str | None = None,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        step: str | None = None,
    ) -> Run:
        """Reject the one approval that waits, or the one named, and return the run; errors as of ``approve_run``.

        It goes on along ``error``; without routes the step fails, and the run with it unless ``allow_failure``.
        """
        ruling = Ruling(action=ManualAction.REJECT, actor=actor, comment=comment, metadata=metadata, step=step)
        return self._decide(run_id, ruling)

    def unblock_run(
        self,
        run_id: UUID | str,
        *,
        actor: str | None = None,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        step: str | None = None,
        retry: bool = False,
    ) -> Run:
        """Let a paused step go on, the one that waits or the one named, and return the run; errors as above.

        A step that was interrupted is taken as done, ``metadata`` its output; or, with ``retry``, tried again.
        """
        ruling = Ruling(
            action=ManualAction.UNBLOCK, actor=actor, comment=comment, metadata=metadata, step=step, retry=retry
        )
        return self._decide(run_id, ruling)

    def _decide(self, run_id: UUID | str, ruling: Ruling) -> Run:
        parsed = parse_run_id(run_id)
        decide_run(self.engine, parsed, check_ruling(ruling, max_bytes=self.settings.max_value_bytes))
        self.engine.notifier.announce(timedelta())
        return self.inspect_run(parsed)
