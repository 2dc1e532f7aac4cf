"""The error tree: messages that a person can act on, and data that survive a process boundary."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from squidmesh import errors
from squidmesh.errors import SquidMeshError, StepFailed, closest, suggestion

EXAMPLES: list[tuple[SquidMeshError, str]] = [
    (errors.ConfigurationError(("a is wrong", "b is wrong")), "a is wrong\nb is wrong"),
    (
        errors.WorkflowNotFound("billing.recover", ("billing.recovery",)),
        "workflow 'billing.recover' is not known (did you mean 'billing.recovery'?); known: billing.recovery",
    ),
    (errors.InvalidWorkflow(("a.yaml:1:1: no [SM101]",)), "a.yaml:1:1: no [SM101]"),
    (
        errors.TriggerNotFound("w", "manuel", ("manual", "nightly")),
        "workflow 'w' has no trigger 'manuel' (did you mean 'manual'?); it has: manual, nightly",
    ),
    (errors.TriggerRequired("w", ("a", "b")), "workflow 'w' has several triggers; name one of: a, b"),
    (errors.InvalidPayload({"a": "is required", "b": "is x"}), "invalid payload: a: is required; b: is x"),
    (
        errors.IdempotencyConflict("w", "k", "r"),
        "idempotency key 'k' of workflow 'w' belongs to run r, started with another payload",
    ),
    (
        errors.InvalidHueyTask("shop.remind", "at", "is a datetime, which is not JSON: write value.isoformat()"),
        (
            "huey task 'shop.remind' was not enqueued: argument 'at' is a datetime, which is not JSON: "
            "write value.isoformat()"
        ),
    ),
    (
        errors.InvalidHueyTask("shop.remind", "", "it is too long"),
        "huey task 'shop.remind' was not enqueued: it is too long",
    ),
    (errors.InvalidRunId("x" * 500), repr("x" * 80) + " is not a run id: a UUID is expected"),
    (errors.RunNotFound("r"), "no run has the id r"),
    (
        errors.AmbiguousRunId("019b", ("019b1", "019b2")),
        "several runs have an id that begins with 019b: 019b1, 019b2; give more of it",
    ),
    (errors.InvalidTransition("completed", "cancelled"), "a run that is completed cannot become cancelled"),
    (
        errors.InvalidTransition("running", "replayed", "it has not ended"),
        "a run that is running cannot become replayed: it has not ended",
    ),
    (errors.RunNotPaused("r", "approved by ops"), "run r is not paused: approved by ops"),
    (
        errors.WrongManualAction("r", "approve_run", ("unblock_run",)),
        "run r cannot take approve_run; it waits for: unblock_run",
    ),
    (errors.QueueNotFound("mial", ("mail",)), "queue 'mial' is not known (did you mean 'mail'?); known: mail"),
    (errors.ActorRequired("approve_run"), "approve_run needs an actor: a name that is not empty"),
    (
        errors.UnsafeReplay(("erase",), "report"),
        (
            "a replay would repeat erase, which cannot be undone; "
            "replay from_step='report' or pass allow_irreversible=True"
        ),
    ),
    (
        errors.StepTypeNotFound("billing.lod", ("billing.load",)),
        "step type 'billing.lod' is not registered (did you mean 'billing.load'?)",
    ),
    (errors.StepTypeConflict("a", ("x", "y")), "step type 'a' is offered more than once: x, y"),
    (errors.StepTypeBroken("a", "ImportError: no"), "step type 'a' cannot be loaded: ImportError: no"),
    (errors.InvalidExpression("a ==", "syntax", 4), "syntax"),
    (errors.InvalidValue("a.0", "is NaN"), "a.0: is NaN"),
    (errors.DatabaseUnavailable("refused"), "the database is not available: refused"),
    (errors.StatementRefused("no such table"), "the database refused a statement: no such table"),
    (
        errors.SchemaOutdated("0001", "0002"),
        "the tables are at version 0001, version 0002 is needed; run 'squidmesh db upgrade'",
    ),
    (errors.StepFailed("no such invoice", "not_found", {"id": "inv_1"}), "no such invoice"),
    (errors.RetryStep("busy", "10s", details={"queue": 3}), "busy"),
]


def test_every_error_of_the_tree_has_an_example():
    """A new error cannot be added without stating its message here."""
    declared = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SquidMeshError)}
    assert declared - {SquidMeshError} == {type(error) for error, _ in EXAMPLES}


@pytest.mark.parametrize(("error", "message"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_an_error_says_what_is_wrong(error: SquidMeshError, message: str):
    """The text of an error is one message that names the place and the way out."""
    assert str(error) == message


@pytest.mark.parametrize("duplicate", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
@pytest.mark.parametrize("error", [error for error, _ in EXAMPLES], ids=lambda error: type(error).__name__)
def test_an_error_keeps_its_data_across_processes(error: SquidMeshError, duplicate):
    """Pickling and copying keep type, attributes and message."""
    same = duplicate(error)
    assert type(same) is type(error)
    assert vars(same) == vars(error)
    assert str(same) == str(error)


class Declined(StepFailed):
    """An error of a host's own, made from something else than its fields."""

    def __init__(self, card: str, *, bank: str) -> None:
        super().__init__(f"{bank} declines {card}", code="declined")
        self.bank = bank


@pytest.mark.parametrize("duplicate", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_a_subclass_with_a_constructor_of_its_own_keeps_its_data_too(duplicate):
    """A host's error crosses a process boundary like ours."""
    error = Declined("card_1", bank="acme")
    error.add_note("told twice")
    same = duplicate(error)
    assert type(same) is Declined
    assert vars(same) == vars(error)
    assert same.args == error.args
    assert (str(same), same.code, same.bank) == ("acme declines card_1", "declined", "acme")


def test_messages_without_their_optional_part():
    """What is not known is left out of the message, not printed as None."""
    assert str(errors.WorkflowNotFound("w", ())) == "workflow 'w' is not known; no workflow is loaded"
    assert str(errors.RunNotFound("r", ("s",))) == "no run has the id r (did you mean s?)"
    assert str(errors.QueueNotFound("mail", ())) == "queue 'mail' is not known; none is known"
    assert "from_step" not in str(errors.UnsafeReplay(("erase",)))
    assert "are missing" in str(errors.SchemaOutdated(None, "0002"))
    assert str(errors.InvalidValue("", "is NaN")) == "is NaN"


def test_a_far_name_is_not_suggested():
    """A suggestion is made for a close name only."""
    assert suggestion("feed_ulr", ("feed_url", "webhook")) == " (did you mean 'feed_url'?)"
    assert suggestion("zebra", ("feed_url", "webhook")) == ""


def test_the_closest_of_very_many_names_is_found_fast():
    """Of thousands only those that begin alike are compared, and a text that no name can be is compared with none."""
    many = [f"{letter}_{number}" for letter in ("field", "other") for number in range(5000)]
    assert closest("invioce", [*many, "invoice"]) == "invoice"
    assert closest("x" * 500, ["x" * 499]) is None
