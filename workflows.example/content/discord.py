"""Posting to a Discord channel through a webhook, and taking the message back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from content.settings import load_settings
from content.sink import running_sink
from squidmesh import StepContext, step
from squidmesh.errors import StepFailed
from squidmesh.http import send

if TYPE_CHECKING:
    from collections.abc import Iterator

_GONE = 404


@step(
    description="Posts a digest to a Discord channel",
    output_schema={"type": "object", "required": ["message_id", "webhook"]},
)
def post_to_discord(digest: dict[str, Any], webhook: str, ctx: StepContext) -> dict[str, Any]:
    """Post the digest's text to the webhook of this name and return ``{message_id, webhook}``.

    The output has the webhook's name and not its URL, which is a secret: outputs are kept and shown.
    """
    # A feed must not be able to ping anybody.
    message = {"content": digest["text"], "allowed_mentions": {"parse": []}}
    with _webhook_url(webhook) as url:
        answer = send(ctx, method="POST", url=url, params={"wait": "true"}, json=message, timeout="10s")
    if not isinstance(answer["body"], dict) or "id" not in answer["body"]:
        raise StepFailed(
            "the webhook answered without a message id, so the message cannot be taken back", "no_message_id"
        )
    return {"message_id": str(answer["body"]["id"]), "webhook": webhook}


@step(description="Deletes a message that post_to_discord posted")
def delete_discord_message(step: dict[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Undo ``post_to_discord``: ``step`` is ``{name, input, output}`` of the step to undo."""
    posted = step["output"]
    with _webhook_url(posted["webhook"]) as url:
        try:
            send(ctx, method="DELETE", url=f"{url}/messages/{posted['message_id']}", timeout="10s")
        except StepFailed as failure:
            if (failure.details or {}).get("status") != _GONE:
                raise
    return {"deleted": posted["message_id"]}


@contextmanager
def _webhook_url(name: str) -> Iterator[str]:
    """Give the URL of a webhook; for ``sink:FOLDER`` that of a local HTTP server that runs meanwhile."""
    settings = load_settings()
    target = settings.webhook(name)
    if not target.startswith("sink:"):
        yield target.rstrip("/")
        return
    with running_sink(settings.folder / target.removeprefix("sink:")) as url:
        yield f"{url}/webhooks/{name}"
