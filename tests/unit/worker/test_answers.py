"""Answers on their way to the executing threads, and past them once the worker drains."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

from squidmesh.worker.answers import Answers
from squidmesh.worker.handout import Handout
from squidmesh.worker.ticket import Ticket


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
