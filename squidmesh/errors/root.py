"""The root of the error tree, and the wording that its messages share."""

from __future__ import annotations

import copyreg
import difflib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Collection

_LONGEST = 80
_MOST_COMPARED = 200
_PREFIX = 3


def closest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that ``name`` is probably meant to be, if one is close.

    Comparing takes long: of very many names only those that begin alike are compared, and no text that is too long
    to be one.
    """
    if len(name) > _LONGEST:
        return None
    compared = list(islice(known, _MOST_COMPARED + 1))
    if len(compared) > _MOST_COMPARED:
        alike = (other for other in known if other[:_PREFIX] == name[:_PREFIX])
        compared = list(islice(alike, _MOST_COMPARED))
    close = difflib.get_close_matches(name, compared, n=1, cutoff=0.6)
    return close[0] if close else None


def suggestion(name: str, known: Collection[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest known name, or an empty string."""
    close = closest(name, known)
    return f" (did you mean {close!r}?)" if close else ""


@dataclass_transform(eq_default=False)
@dataclass(eq=False)
class SquidMeshError(Exception):
    """Base of everything that Squid Mesh raises on purpose; the subclasses are dataclasses like it."""

    def __init_subclass__(cls) -> None:
        dataclass(eq=False)(cls)

    def __reduce__(self) -> tuple[Any, ...]:
        # By what it holds, not by its constructor: that of a host's subclass may take something else.
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]  # pickle's own, which typeshed leaves out
