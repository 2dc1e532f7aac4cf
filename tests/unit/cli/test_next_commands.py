"""Next actions as complete commands: each names the run, the step, the queue, and the database it was asked of."""

from __future__ import annotations

from typing import Any

import pytest

from squidmesh.cli.next_commands import next_commands
from squidmesh.cli.session import Place
from squidmesh.model.run import Explanation
from squidmesh.model.state import RunStatus

RUN = "019b76da-a800-7000-8000-000000000001"


def proposed(reason: str, *actions: str, place: Place | None = None, **facts: Any) -> list[str]:
    """Return the commands for an explanation, without the program's name."""
    explanation = Explanation(
        status=RunStatus.RUNNING, reason=reason, since=None, next_actions=actions, **({"step": None} | facts)
    )
    return [item.command for item in next_commands(RUN, explanation, place or Place())]


@pytest.mark.parametrize(
    ("found", "commands"),
    [
        (proposed("step_running", "wait", "cancel_run", step="a"), [f"watch {RUN}", f"cancel {RUN}"]),
        (proposed("waiting_for_timer", "wake_run", step="nap"), [f"wake {RUN} --step nap"]),
        (proposed("step_running", "wake_run", step="a"), [f"wake {RUN}"]),
        (
            proposed("paused_for_approval", "approve_run", "reject_run", step="review"),
            [f"approve {RUN} --step review", f"reject {RUN} --step review"],
        ),
        (
            proposed("interrupted_irreversible_step", "unblock_run", step="pay", details={"interrupted": ["pay"]}),
            [f"unblock {RUN} --step pay", f"unblock {RUN} --step pay --retry"],
        ),
        (
            proposed(
                "step_running",
                "unblock_run",
                details={
                    "paused": {"one": "paused_for_manual_action", "two": "paused_for_manual_action"},
                    "interrupted": ["two"],
                },
            ),
            [f"unblock {RUN} --step one", f"unblock {RUN} --step two", f"unblock {RUN} --step two --retry"],
        ),
        (
            proposed(
                "waiting_for_timer",
                "approve_run",
                "unblock_run",
                step="nap",
                details={"paused": {"one": "paused_for_approval", "two": "paused_for_manual_action"}},
            ),
            [f"approve {RUN} --step one", f"unblock {RUN} --step two"],
        ),
        (
            proposed("queue_paused", "resume_queue", details={"queue": "slow mail"}),
            ["queues resume 'slow mail'"],
        ),
        (
            proposed("waiting_for_capable_worker", details={"queue": "mail"}),
            ["run --queue mail"],
        ),
        (
            proposed(
                "compensating",
                "resume_queue",
                details={"held_up": {"reason": "queue_paused", "queue": "mail"}},
            ),
            ["queues resume mail"],
        ),
        (
            proposed("stopping", details={"held_up": {"reason": "waiting_for_capable_worker", "queue": "mail"}}),
            ["run --queue mail"],
        ),
        (proposed("step_failed", details={"replay_from": "charge"}), [f"replay {RUN} --from charge"]),
        (proposed("completed", details={"replay_original": "it lacks a field"}), [f"replay {RUN} --original"]),
        (proposed("completed", "replay_run"), [f"replay {RUN}"]),
    ],
)
def test_each_action_becomes_a_command(found: list[str], commands: list[str]) -> None:
    """Complete, quoted for the shell, the step named where there is one."""
    assert found == [f"squidmesh {command}" for command in commands]


def test_a_command_meets_the_same_database() -> None:
    """What was said of host and database is said again, but never a password."""
    app = Place(app="shop:mesh")
    assert proposed("completed", "replay_run", place=app) == [f"squidmesh --app shop:mesh replay {RUN}"]
    database = Place(database="postgresql://ada:sekret@db/shop")
    assert proposed("completed", "replay_run", place=database) == [
        f"squidmesh replay {RUN} --database 'postgresql://ada:***@db/shop'"
    ]


@pytest.mark.parametrize(
    "url", ["postgresql://db/shop?user=ada&password=sekret&x=1", "postgresql://ada:s#sekret@db/shop"]
)
def test_a_password_is_found_wherever_it_stands(url: str) -> None:
    """In the query of a URL too, and where a character in it hides it from a parser."""
    assert "sekret" not in "".join(proposed("completed", "replay_run", place=Place(database=url)))
