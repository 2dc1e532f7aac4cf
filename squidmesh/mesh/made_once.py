"""Attributes that are made when they are first needed, by one thread, whoever else asks meanwhile."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")


class made_once(cached_property[T]):  # noqa: N801 - a decorator, named like the one that it is for threads
    """``functools.cached_property`` with the lock that it has lost in Python 3.12: the owner's, its ``making``."""

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Self | T:
        """Return the value, made now if it is not there."""
        if instance is None:
            return self
        assert self.attrname is not None, "it stands in a class"
        made: dict[str, T] = instance.__dict__
        with instance.making:
            if self.attrname not in made:
                made[self.attrname] = self.func(instance)
            return made[self.attrname]
