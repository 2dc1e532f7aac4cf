"""The step type ``http.request``, and ``send``, which does the same inside a step of one's own.

One attempt: the step's ``retry`` policy decides about more. Redirects are followed by ``send`` alone, if asked to.
No URL appears in an error or a log record, since it may hold credentials anywhere; the step's input has it.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

from squidmesh.errors import StepFailed
from squidmesh.model.duration import parse_duration
from squidmesh.steps.context import StepContext  # noqa: TC001 - read from the annotation when a step is described
from squidmesh.steps.contract import step
from squidmesh.steps.exchange import Exchange, read_answer, read_content

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext

    import httpx

DEFAULT_TIMEOUT = 30.0
LONGEST_TIMEOUT = 24 * 3600.0
_LAST_PORT = 65535
# A proxy of the environment has its own idea of which machine these are.
_NO_PROXY = {"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None}
# What httpx lets out where the name of a host, a port or a method has no form that can be sent.
_UNENCODABLE = (TypeError, ValueError, OverflowError)
_sending = ContextVar("squidmesh_sending", default=False)


@step(description="Sends one HTTP request and returns {status, headers, body}")
def request(
    ctx: StepContext,
    url: str,
    method: str = "GET",
    headers: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    json: Any = None,
    body: str | None = None,
    timeout: str | float | None = None,
) -> dict[str, Any]:
    """Send one request; see ``send``."""
    return send(ctx, method=method, url=url, headers=headers, params=params, json=json, body=body, timeout=timeout)


def send(
    ctx: StepContext,
    *,
    url: str,
    method: str = "GET",
    headers: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    json: Any = None,
    body: str | bytes | None = None,
    timeout: str | float | None = None,
    follow_redirects: bool = False,
) -> dict[str, Any]:
    """Send one request and return ``{status, headers, body}``.

    ``Idempotency-Key`` is sent along, the step's own unless ``headers`` has one: a step that sends several
    requests gives each its own. ``timeout``, a duration such as ``"10s"`` or seconds (default 30), bounds
    connecting, each wait, and reading the answer. Header names of the answer are lower case; its ``body`` is
    parsed if it is JSON by its content type, None if it is empty, text if it is text, else ``{"base64": ...}``.
    With ``follow_redirects`` the request goes on to where it is sent, ten times at most, each with a ``timeout`` of
    its own, and the answer has a ``url`` too: where it came from. Without, a redirect is an answer like others.

    An answer of 408, 429 or 5xx, a time-out and a transport error raise ``RetryStep`` (after ``Retry-After``, if
    the answer has it); any other answer of 400 or more, and a request that cannot be sent, ``StepFailed``. Their
    ``details`` are ``{kind, retryable}``, once there is a server ``method`` and ``server``, and of its answer
    ``status`` and how its ``body`` starts; ``kind`` is ``status answer timeout transport`` or ``request``.
    """
    import httpx  # noqa: PLC0415 - takes a tenth of a second that only its users should pay

    seconds = _seconds(timeout)
    with httpx.Client(timeout=seconds, verify=_ssl_context(), mounts=_NO_PROXY) as client:
        outgoing = _prepare(client, ctx, method, url, headers=headers, params=params, json=json, body=body)
        exchange = Exchange(method=outgoing.method, server=_server(outgoing.url))
        try:
            response = _send_quietly(client, outgoing)
            while follow_redirects and (onward := response.next_request) is not None:
                response.close()
                exchange = exchange.redirected(onward.method, _server(onward.url))
                response = _send_quietly(client, onward)
            try:
                content = read_content(response, exchange, seconds)
            finally:
                response.close()
        except httpx.TimeoutException:
            raise exchange.failure("timeout", f"no answer within {seconds:g} s", retryable=True) from None
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, *_UNENCODABLE) as error:
            # The text of these repeats parts of the request, such as the value of a header.
            raise exchange.failure("request", f"cannot be sent ({type(error).__name__})") from None
        except httpx.RequestError as error:
            raise exchange.failure("transport", f"{type(error).__name__}: {error}", retryable=True) from error
    ctx.logger.debug("%s %s answered %d", exchange.method, exchange.server, response.status_code)
    answer = read_answer(response, exchange, content)
    return answer | {"url": str(response.url)} if follow_redirects else answer


def _prepare(
    client: httpx.Client,
    ctx: StepContext,
    method: str,
    url: str,
    *,
    headers: Mapping[str, Any] | None,
    params: Mapping[str, Any] | None,
    json: Any,
    body: str | bytes | None,
) -> httpx.Request:
    import httpx  # noqa: PLC0415 - loaded already, by send

    try:
        target = httpx.URL(url)
        if target.scheme not in {"http", "https"} or not target.host:
            raise _unsendable("its url needs http:// or https:// and a host")
        if target.port is not None and target.port > _LAST_PORT:  # the system would take it modulo 65536
            raise _unsendable(f"its url has a port beyond {_LAST_PORT}")
        if json is not None and body is not None:
            raise _unsendable("it has both json and body")
        fields = httpx.Headers({"Idempotency-Key": ctx.idempotency_key})
        fields.update({name: str(value) for name, value in (headers or {}).items()})
        return client.build_request(
            method,
            target.copy_merge_params(dict(params)) if params else target,
            headers=fields,
            json=json,
            content=body,
        )
    except (httpx.InvalidURL, TypeError, ValueError, AttributeError) as error:
        # Without the text, which repeats parts of the request.
        raise _unsendable(f"one of its arguments has the wrong form ({type(error).__name__})") from None


def _unsendable(text: str) -> StepFailed:
    return StepFailed(f"the request cannot be sent: {text}", "http_request", {"kind": "request", "retryable": False})


def _seconds(timeout: str | float | None) -> float:
    if timeout is None:
        return DEFAULT_TIMEOUT
    try:
        seconds = parse_duration(timeout).total_seconds() if isinstance(timeout, str) else float(timeout)
    except (TypeError, ValueError, OverflowError) as error:
        raise _unsendable(f"timeout: {error}") from None
    if not 0 < seconds <= LONGEST_TIMEOUT:
        raise _unsendable("its timeout must be longer than zero and at most a day")
    return seconds


def _server(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _send_quietly(client: httpx.Client, outgoing: httpx.Request) -> httpx.Response:
    _silence_urls()
    token = _sending.set(True)
    try:
        return client.send(outgoing, stream=True)
    finally:
        _sending.reset(token)


@cache
def _silence_urls() -> None:
    """Keep httpx from logging the URLs of these requests, whole and with their credentials; others it may log."""
    logging.getLogger("httpx").addFilter(lambda _: not _sending.get())


@cache
def _ssl_context() -> SSLContext:
    """Return the trusted certificates, which take longer to load than most requests take."""
    import httpx  # noqa: PLC0415 - loaded already, by send

    return httpx.create_ssl_context()
