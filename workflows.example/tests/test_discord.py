"""Posting to a webhook and taking the message back, over real HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from content.discord import delete_discord_message, post_to_discord

from squidmesh import RetryStep, StepFailed

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = {"text": "**Lantern**\n- 2.1 @everyone ü"}


def undo(output: dict) -> dict:
    """Return what a compensation is given of the step it undoes."""
    return {"name": "post_to_discord", "input": {}, "output": output}


def test_the_digest_arrives_at_the_webhook(configure, make_context, server):
    """As Discord's interface asks: with an answer that has the id, and without pinging anybody."""
    configure(digest_channel=f"{server.url}/api/webhooks/1/secret/")
    context = make_context()
    posted = post_to_discord(DIGEST, "digest_channel", context)

    assert posted == {"message_id": "9001", "webhook": "digest_channel"}
    ((method, path, headers, message),) = server.received
    assert (method, path) == ("POST", "/api/webhooks/1/secret?wait=true")
    assert message == {"content": DIGEST["text"], "allowed_mentions": {"parse": []}}
    assert headers["Idempotency-Key"] == context.idempotency_key


def test_the_url_may_come_from_the_environment(configure, make_context, server, monkeypatch: pytest.MonkeyPatch):
    """Where secrets are kept out of files."""
    configure(digest_channel="env:DIGEST_WEBHOOK_URL")
    with pytest.raises(StepFailed, match="is read from DIGEST_WEBHOOK_URL, which is not set"):
        post_to_discord(DIGEST, "digest_channel", make_context())
    monkeypatch.setenv("DIGEST_WEBHOOK_URL", f"{server.url}/hook")
    post_to_discord(DIGEST, "digest_channel", make_context())
    assert server.received[0][1] == "/hook?wait=true"


def test_a_message_is_taken_back(configure, make_context, server):
    """The compensation deletes what the step posted, under a key of its own."""
    configure(digest_channel=f"{server.url}/hook")
    output = post_to_discord(DIGEST, "digest_channel", make_context(run_id="r"))
    server.status, server.body = 204, b""
    undoing = make_context(run_id="r", compensation=True)
    assert delete_discord_message(undo(output), undoing) == {"deleted": "9001"}
    (_, _, posting, _), (method, path, deleting, _) = server.received
    assert (method, path) == ("DELETE", "/hook/messages/9001")
    assert posting["Idempotency-Key"] != deleting["Idempotency-Key"]


def test_a_message_that_is_gone_is_taken_back(configure, make_context, server):
    """A second attempt at the compensation succeeds; a refusal does not."""
    configure(digest_channel=f"{server.url}/hook")
    output = {"message_id": "9001", "webhook": "digest_channel"}
    server.status = 404
    assert delete_discord_message(undo(output), make_context()) == {"deleted": "9001"}
    server.status = 403
    with pytest.raises(StepFailed, match="answered 403"):
        delete_discord_message(undo(output), make_context())


def test_a_rate_limit_is_waited_for(configure, make_context, server):
    """Discord says after how many seconds."""
    configure(digest_channel=f"{server.url}/hook")
    server.status, server.headers = 429, {"Retry-After": "3"}
    with pytest.raises(RetryStep) as caught:
        post_to_discord(DIGEST, "digest_channel", make_context())
    assert caught.value.delay == 3


def test_the_webhook_url_stays_secret(configure, make_context, server):
    """It is in no error: failures are stored, and shown to whoever may see runs."""
    configure(digest_channel=f"{server.url}/api/webhooks/1/secret")
    server.status, server.body = 401, b"no"
    with pytest.raises(StepFailed) as caught:
        post_to_discord(DIGEST, "digest_channel", make_context())
    assert "secret" not in f"{caught.value}{caught.value.details}"


def test_an_unknown_webhook_fails_with_the_known_ones(configure, make_context):
    """A misspelt name is no reason to try again."""
    configure(digest_channel="sink:outbox", ops="sink:outbox")
    with pytest.raises(
        StepFailed, match=r"no webhook is called 'digest' in content\.toml; it has: digest_channel, ops"
    ):
        post_to_discord(DIGEST, "digest", make_context())


def test_an_answer_without_an_id_fails(configure, make_context, server):
    """Such a message could not be taken back."""
    configure(digest_channel=f"{server.url}/hook")
    server.body = b"[]"
    with pytest.raises(StepFailed, match="without a message id"):
        post_to_discord(DIGEST, "digest_channel", make_context())


def test_the_sink_needs_nothing_started_before(project: Path, make_context):
    """One call posts over HTTP to a server of its own; the message is a file, and can be taken back."""
    output = post_to_discord(DIGEST, "digest_channel", make_context())
    (kept,) = (project / "outbox").iterdir()
    message = json.loads(kept.read_text(encoding="utf-8"))
    assert (message["id"], message["webhook"], message["content"]) == (
        output["message_id"],
        "digest_channel",
        DIGEST["text"],
    )
    delete_discord_message(undo(output), make_context())
    assert not kept.exists()


def test_a_repeated_attempt_is_one_message_in_the_sink(project: Path, make_context):
    """The key of run and step is recognised, also by a server that was started anew."""
    first = post_to_discord(DIGEST, "digest_channel", make_context(run_id="r", attempt=1))
    again = post_to_discord(DIGEST, "digest_channel", make_context(run_id="r", attempt=2))
    other = post_to_discord(DIGEST, "digest_channel", make_context(run_id="s"))
    assert first == again != other
    assert len(list((project / "outbox").iterdir())) == 2


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("text", ["", "x" * 2001])
def test_the_sink_refuses_what_discord_would_refuse(make_context, text: str):
    """An example that passes here should pass there."""
    with pytest.raises(StepFailed, match="answered 400"):
        post_to_discord({"text": text}, "digest_channel", make_context())
