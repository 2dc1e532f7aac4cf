"""What a replay carries over and what it would repeat, as pure rules."""

from __future__ import annotations

import pytest

from squidmesh.model.definition import Routes, Step, Transition, Trigger, Uses, Workflow
from squidmesh.model.state import StepStatus
from squidmesh.runtime.replay_plan import PastStep, Refused, plan_beginning, repeated_for_good, safe_beginning

COMPLETED, FAILED, SKIPPED, CANCELLED = (
    StepStatus.COMPLETED,
    StepStatus.FAILED,
    StepStatus.SKIPPED,
    StepStatus.CANCELLED,
)


def _uses(**options: bool) -> Uses:
    return Uses(step_type="t.ok", **options)


def _routed(**steps: tuple[str, Uses]) -> Workflow:
    made = {
        name: Step(action=action, next=Routes(ok=(Transition(to=to),), error=(Transition(to="c"),)))
        for name, (to, action) in steps.items()
    }
    return Workflow(name="t.w", triggers={"go": Trigger()}, steps=made)


def _parallel(**steps: Step) -> Workflow:
    return Workflow(name="t.w", triggers={"go": Trigger()}, steps=steps)


def _past(*items: tuple[str, StepStatus, int | None, int | None]) -> dict[str, PastStep]:
    return {
        step: PastStep(step=step, status=status, scheduled_seq=scheduled, completed_seq=completed)
        for step, status, scheduled, completed in items
    }


CHAIN = _routed(a=("b", _uses()), b=("c", _uses()), c=("complete", _uses()))
CHAIN_PAST = _past(("a", COMPLETED, 0, 1), ("b", SKIPPED, 1, 2), ("c", FAILED, 2, 3))
# a and b are roots, c waits for a, d for both b and c.
DIAMOND = _parallel(
    a=Step(action=_uses()),
    b=Step(action=_uses()),
    c=Step(action=_uses(), after=("a",)),
    d=Step(action=_uses(), after=("b", "c")),
)


def test_a_routed_replay_carries_what_came_before() -> None:
    """Everything that ended before the run came to the step is carried, a skipped step too."""
    beginning = plan_beginning(CHAIN, CHAIN_PAST, "c")
    assert [item.step for item in beginning.carried] == ["a", "b"]
    assert beginning.seq == 2
    assert plan_beginning(CHAIN, CHAIN_PAST, "a").carried == ()


def test_a_routed_replay_does_not_begin_where_the_run_never_was() -> None:
    """Beginning at a step that was never reached would skip those that lead there."""
    past = _past(("a", COMPLETED, 0, 1), ("b", FAILED, 1, 2))
    with pytest.raises(Refused, match="never came"):
        plan_beginning(CHAIN, past, "c")


def test_parallel_branches_are_not_repeated() -> None:
    """A dependency-based replay carries all that ended well and does not come after the step."""
    past = _past(("a", COMPLETED, 0, 1), ("b", FAILED, 0, 2), ("c", COMPLETED, 1, 3), ("d", CANCELLED, None, None))
    beginning = plan_beginning(DIAMOND, past, "b")
    assert [item.step for item in beginning.carried] == ["a", "c"]
    assert beginning.seq == 3
    assert plan_beginning(DIAMOND, past, "a").names == set()


def test_a_step_whose_dependencies_failed_is_no_beginning() -> None:
    """It would begin without what it waits for; the step to begin at is named."""
    past = _past(
        ("a", FAILED, 0, 1), ("b", COMPLETED, 0, 2), ("c", CANCELLED, None, None), ("d", CANCELLED, None, None)
    )
    with pytest.raises(Refused, match="'a' before it did not end well"):
        plan_beginning(DIAMOND, past, "c")


def test_an_allowed_failure_is_carried() -> None:
    """A failure that the workflow allows ended well enough for what waits for it."""
    workflow = _parallel(a=Step(action=_uses(), allow_failure=True), b=Step(action=_uses(), after=("a",)))
    past = _past(("a", FAILED, 0, 1), ("b", FAILED, 1, 2))
    assert plan_beginning(workflow, past, "b").names == {"a"}


def test_what_was_undone_is_not_carried() -> None:
    """The outputs of a step that was undone say what is not so any more."""
    past = dict(CHAIN_PAST) | {"a": PastStep(step="a", status=COMPLETED, scheduled_seq=0, completed_seq=1, undone=True)}
    with pytest.raises(Refused, match="'a' before it was undone"):
        plan_beginning(CHAIN, past, "c")
    assert plan_beginning(CHAIN, past, "a").carried == ()


@pytest.mark.parametrize("option", [{"irreversible": True, "compensatable": False}, {"compensatable": False}])
def test_what_cannot_be_undone_is_not_repeated(option: dict[str, bool]) -> None:
    """A completed step counts if its own definition or the newer one says so; one that failed does not."""
    final = _routed(a=("b", _uses(**option)), b=("c", _uses()), c=("complete", _uses(**option)))
    assert repeated_for_good(CHAIN_PAST.values(), [final], ()) == ["a"]
    assert repeated_for_good(CHAIN_PAST.values(), [CHAIN, final], ()) == ["a"]
    assert repeated_for_good(CHAIN_PAST.values(), [final, CHAIN], ()) == ["a"]
    assert repeated_for_good(CHAIN_PAST.values(), [final], {"a"}) == []
    assert safe_beginning(final, CHAIN_PAST, "c") == "c"
    assert safe_beginning(final, CHAIN_PAST, None) == "b"


def test_a_step_cut_short_after_it_began_counts() -> None:
    """An irreversible step that was begun and then cancelled may have had its effect."""
    final = _routed(a=("b", _uses(irreversible=True, compensatable=False)), b=("c", _uses()), c=("complete", _uses()))
    cut = PastStep(step="a", status=CANCELLED, scheduled_seq=0, completed_seq=None, interrupted=True)
    assert repeated_for_good([cut], [final], ()) == ["a"]


def test_there_may_be_no_safe_beginning() -> None:
    """Where the last step of all is final, nothing after it can be begun at."""
    final = _routed(a=("complete", _uses(irreversible=True, compensatable=False)))
    assert safe_beginning(final, _past(("a", COMPLETED, 0, 1)), None) is None
