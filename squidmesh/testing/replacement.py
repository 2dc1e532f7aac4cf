"""A step type that a test puts in the place of a real one, and what it was called with."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, cast

from squidmesh.errors import ConfigurationError
from squidmesh.steps.contract import describe, step

if TYPE_CHECKING:
    from squidmesh.steps.contract import StepType

Fake = Callable[..., Any] | Mapping[str, Any] | BaseException


class Replacement:
    """What stands for a step type: ``calls`` are the inputs of its calls, in order, the context left out."""

    def __init__(self, name: str, fake: Fake, real: StepType | None) -> None:
        self.name = name
        self.calls: list[dict[str, Any]] = []
        self._context_parameter: str | None = None
        self.call = self._recording(_as_callable(name, fake), real)

    def __repr__(self) -> str:
        return f"<Replacement of {self.name}, {len(self.calls)} calls>"

    def _recording(self, fake: Callable[..., Any], real: StepType | None) -> Callable[..., Any]:
        """Return a step with the signature of ``fake``; what it returns still has to obey the real one's contract."""
        described = describe(self.name, fake, "given to replace_step")
        self._context_parameter = described.context_parameter

        def recorded(**inputs: Any) -> Any:
            self._record(inputs)
            return fake(**inputs)

        async def recorded_async(**inputs: Any) -> Any:
            self._record(inputs)
            return await fake(**inputs)

        call: Any = recorded_async if described.is_async else recorded
        call.__wrapped__ = fake  # its signature is the fake's
        schema = described.output_schema or (real.output_schema if real is not None else None)
        mark = step(description=described.description, input_schema=described.input_schema, output_schema=schema)
        return cast("Callable[..., Any]", mark(call))

    def _record(self, inputs: Mapping[str, Any]) -> None:
        self.calls.append(
            {name: copy.deepcopy(value) for name, value in inputs.items() if name != self._context_parameter}
        )


def _as_callable(name: str, fake: Fake) -> Callable[..., Any]:
    if isinstance(fake, Mapping):
        answer = dict(fake)

        def returning(**_: Any) -> dict[str, Any]:
            return copy.deepcopy(answer)

        return returning
    if isinstance(fake, BaseException) or (inspect.isclass(fake) and issubclass(fake, BaseException)):

        def raising(**_: Any) -> NoReturn:
            raise fake

        return raising
    if not callable(fake):
        kind = type(fake).__name__
        raise ConfigurationError(
            [f"step {name!r} is replaced by a callable, a mapping or an exception, found a {kind}"]
        )
    return fake
