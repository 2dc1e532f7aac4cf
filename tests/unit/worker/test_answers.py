"""Answers on their way to the executing threads, and past them once the worker drains."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from squidmesh.worker.answers import Answers
from squidmesh.worker.handout import Handout
from squidmesh.worker.ticket import Ticket

if TYPE_CHECKING:
    import pytest


def ticket(told: list[Any], successor: Any = None) -> Ticket:
    """Return an answered ticket."""
    made: Any = Ticket(held=SimpleNamespace(), ended=SimpleNamespace(), tell=told.append)  # type: ignore[arg-type]
    made.successor = successor
    return made


def test_an_answer_is_something_to_do_for_a_thread() -> None:
    """Whoever takes it tells of it, and executes the step that was handed over."""
    handout, told = Handout(on_idle=lambda: None), list[Any]()
    answers = Answers(handout)
    given = ticket(told, successor="next")
    handout.reserve()
    answers.give(given)
    assert handout.take(0) is given
    assert told == []
    assert answers.take_untaken() == []


def test_an_answer_that_comes_after_the_last_thread_has_left_is_told_all_the_same() -> None:
    """The worker drains: the end is told, aside, and the successor that nobody executes here goes back."""
    handout, told = Handout(on_idle=lambda: None), list[Any]()
    answers = Answers(handout)
    gate = threading.Event()
    given = ticket(told, successor="next")
    given.tell = lambda it: (gate.wait(20), told.append(it))
    handout.reserve()
    handout.close()
    answers.give(given)
    assert told == []  # a callback that takes its time holds up nobody
    gate.set()
    answers.close(20)
    assert told == [given]
    assert answers.take_untaken() == ["next"]
    assert answers.take_untaken() == []


def test_hanging_callbacks_are_waited_for_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of them hang, the end of the worker is held up once."""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    class Hanging(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            assert timeout is not None
            clock[0] += timeout

    answers = Answers(Handout(on_idle=lambda: None))
    answers._telling = [Hanging() for _ in range(4)]
    answers.close(5)
    assert clock[0] == 105.0


def test_where_no_thread_can_be_had_it_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system short of threads, or an interpreter that ends, costs nobody the news."""
    told = list[Any]()
    answers, given = Answers(Handout(on_idle=lambda: None)), ticket(told)

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    answers.tell_aside(given)
    answers.close(20)
    assert told == [given]
