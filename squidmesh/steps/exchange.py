"""What came back for a request, and what may be told of it.

Messages name the method and the server only, since user parts, paths and queries of URLs may be credentials.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from squidmesh.errors import InvalidValue, RetryStep, StepFailed
from squidmesh.model.values import check, printable

if TYPE_CHECKING:
    import httpx

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_REDIRECTS = 10
LONGEST_RETRY_AFTER = 24 * 3600.0
_SHOWN_BODY = 1000
_FIRST_FAILURE = 400
_FIRST_SERVER_FAILURE = 500
_RETRYABLE = frozenset({408, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request as far as it may be told; ``server`` is scheme, host and port, ``redirects`` is how many led to it."""

    method: str
    server: str
    redirects: int = 0

    def redirected(self, method: str, server: str) -> Exchange:
        """Return the request that a redirect asks for; too many of them end the attempt."""
        if self.redirects >= MAX_REDIRECTS:
            raise self.failure("answer", f"redirected more than {MAX_REDIRECTS} times")
        return Exchange(method=method, server=server, redirects=self.redirects + 1)

    def failure(
        self, kind: str, text: str, *, retryable: bool = False, delay: float | None = None, **facts: Any
    ) -> StepFailed | RetryStep:
        """Return the error that ends the attempt, with the code ``http_KIND``."""
        message = printable(f"{self.method} {self.server}: {text}")
        details = {"kind": kind, "retryable": retryable, "method": self.method, "server": self.server, **facts}
        if retryable:
            return RetryStep(message, delay, f"http_{kind}", details)
        return StepFailed(message, f"http_{kind}", details)


def read_content(response: httpx.Response, exchange: Exchange, seconds: float) -> bytes:
    """Return the body, within ``seconds`` and ``MAX_BODY_BYTES``."""
    deadline = time.monotonic() + seconds
    content = bytearray()
    for part in response.iter_bytes():
        content += part
        if len(content) > MAX_BODY_BYTES:
            raise exchange.failure("answer", f"the answer is larger than {MAX_BODY_BYTES} bytes")
        if time.monotonic() > deadline:
            raise exchange.failure("timeout", f"the answer was not complete after {seconds:g} s", retryable=True)
    return bytes(content)


def read_answer(response: httpx.Response, exchange: Exchange, content: bytes) -> dict[str, Any]:
    """Return ``{status, headers, body}``, or raise what a status of 400 or more means."""
    status = response.status_code
    if status < _FIRST_FAILURE:
        headers = {name: response.headers[name] for name in response.headers}
        return {"status": status, "headers": headers, "body": _body(response, content)}
    retryable = status >= _FIRST_SERVER_FAILURE or status in _RETRYABLE
    raise exchange.failure(
        "status",
        f"answered {status} {response.reason_phrase}".rstrip(),
        retryable=retryable,
        delay=_retry_after(response.headers.get("retry-after")),
        status=status,
        body=printable(content[: 4 * _SHOWN_BODY].decode(errors="replace"), _SHOWN_BODY),
    )


def _body(response: httpx.Response, content: bytes) -> Any:
    if not content:
        return None
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        try:
            return _storable(json.loads(content))
        except (ValueError, RecursionError, InvalidValue):
            pass  # not what it says it is, or NaN and the like; the request was answered all the same
    try:
        return _storable(content.decode(response.charset_encoding or "utf-8"))
    except (LookupError, UnicodeError, InvalidValue):
        return {"base64": base64.b64encode(content).decode()}


def _storable(body: Any) -> Any:
    """Return what can be kept as a part of the step's output; ``InvalidValue`` otherwise."""
    check(body, depth=1)
    return body


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that ``Retry-After`` (RFC 9110, section 10.2.3: seconds, or a date) asks for."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return min(float(value), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((aware - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_RETRY_AFTER)
