"""Asking a payment gateway over HTTP what became of a payment.

``SHOP_GATEWAY_URL`` names a real one. Without it, the step starts a small server on this machine for the time
of each request, which answers from ``sample/gateway.json``: a status for each payment, 503 for the rest.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shop.books import books, send_letter
from squidmesh import StepContext, StepFailed, step
from squidmesh.http import send

if TYPE_CHECKING:
    from collections.abc import Iterator

URL_VARIABLE = "SHOP_GATEWAY_URL"
ANSWERS = Path(__file__).resolve().parent.parent / "sample" / "gateway.json"


@step(description="Asks the gateway what became of a payment")
def check_gateway(payment_id: str, ctx: StepContext) -> dict[str, Any]:
    """Return ``{status}``; a gateway that is down, slow or not sure yet is asked again by the step's retries."""
    with _gateway_url() as url:
        answer = send(ctx, method="GET", url=f"{url}/payments/{payment_id}", timeout="5s")
    if not isinstance(answer["body"], dict) or "status" not in answer["body"]:
        raise StepFailed("the gateway answered without a status", "not_understood")
    return {"status": answer["body"]["status"]}


@step(description="Writes down that a payment is settled")
def settle_payment(payment_id: str, gateway: dict[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Keep what the gateway said."""
    with books() as connection:
        row = [payment_id, ctx.run_id, gateway["status"]]
        connection.execute("INSERT OR REPLACE INTO payments VALUES (?, ?, 0, ?)", row)
    return {"settled": payment_id}


@step(description="Releases an order whose payment cannot be confirmed")
def release_order(payment_id: str, failure: dict[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Write down that nobody will be charged, and tell the office why, once however often it is tried."""
    with books() as connection:
        connection.execute("INSERT OR REPLACE INTO payments VALUES (?, ?, 0, 'released')", [payment_id, ctx.run_id])
    subject = f"Payment {payment_id} cannot be confirmed: {failure['message']}"
    return {"letter": send_letter(ctx.idempotency_key, "office", subject)}


@contextmanager
def _gateway_url() -> Iterator[str]:
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield given.rstrip("/")
        return
    with ThreadingHTTPServer(("127.0.0.1", 0), _StandIn) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="shop-gateway")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _StandIn(BaseHTTPRequestHandler):
    """Answers as a gateway would that knows the payments of the sample."""

    def do_GET(self) -> None:
        answers: dict[str, str] = json.loads(ANSWERS.read_text(encoding="utf-8"))
        status = answers.get(self.path.rpartition("/")[2])
        body = json.dumps({"status": status} if status else {"error": "try again later"}).encode()
        self.send_response(HTTPStatus.OK if status else HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Stay quiet."""
