"""Schedules: the cron triggers of the loaded workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squidmesh.mesh.reading import Reading
from squidmesh.model.document import definition_hash
from squidmesh.model.values import check_texts
from squidmesh.runtime import firing, schedules

if TYPE_CHECKING:
    from datetime import datetime

    from squidmesh.model.run import Run
    from squidmesh.model.schedule import Schedule


class Scheduling(Reading):
    """The façade's calls about schedules; the workers' schedulers fire them by themselves."""

    def list_schedules(self) -> list[Schedule]:
        """Return the schedules of the loaded workflows and those that other processes fire, by name."""
        loaded = {name: (workflow, definition_hash(workflow)) for name, workflow in self.workflows.items()}
        return schedules.list_schedules(self.database, loaded)

    def pause_schedule(
        self, workflow: str, trigger: str, *, actor: str | None = None, comment: str | None = None
    ) -> Schedule:
        """Stop a schedule from firing, in every process, until it is resumed; who did it is kept with the schedule.

        Return it as it stands then. One that is paused already stays as it is. ``WorkflowNotFound`` or
        ``TriggerNotFound`` if no loaded workflow has this cron trigger, ``InvalidValue`` for words that cannot be kept.
        """
        check_texts(actor=actor, comment=comment)
        schedules.pause_schedule(self.database, self._schedule(workflow, trigger), actor=actor, comment=comment)
        return self._standing(workflow, trigger)

    def resume_schedule(
        self, workflow: str, trigger: str, *, actor: str | None = None, comment: str | None = None
    ) -> Schedule:
        """Let a schedule fire again, from now on and by the definition loaded here.

        Return it as it stands then; raises as ``pause_schedule``.
        """
        check_texts(actor=actor, comment=comment)
        schedules.resume_schedule(self.database, self._schedule(workflow, trigger), actor=actor, comment=comment)
        return self._standing(workflow, trigger)

    def fire_schedule(
        self,
        workflow: str,
        trigger: str,
        *,
        scheduled_for: datetime | None = None,
        signal_id: str | None = None,
    ) -> Run:
        """Start the run of one tick now, whether the schedule is paused or not, and return it.

        Idempotent: one run for one time, and one for one ``signal_id``, whoever fires it; the second call
        returns the first run. Without ``scheduled_for`` (an aware time) the run is for this minute or, with a
        ``signal_id``, for this moment. Raises as ``pause_schedule``, and ``InvalidValue`` for a time that is not aware
        and a signal that cannot be kept.
        """
        run_id = firing.fire_by_hand(
            self.engine,
            self._schedule(workflow, trigger),
            self.settings.max_value_bytes,
            scheduled_for=scheduled_for,
            signal_id=signal_id,
        )
        return self.inspect_run(run_id)

    def _standing(self, workflow: str, trigger: str) -> Schedule:
        return next(each for each in self.list_schedules() if (each.workflow, each.trigger) == (workflow, trigger))

    def _schedule(self, workflow: str, trigger: str) -> schedules.LoadedSchedule:
        return schedules.find_schedule(self._definition(self._find(workflow)), trigger)
