"""What is worked out once about a frozen record, and known as long as the record lives."""

import weakref
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")
V = TypeVar("V")


class Known(Generic[V]):
    """Something known of records, each by its identity: an equal one is another record."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[BaseModel], V]] = {}

    def of(self, record: BaseModel) -> V | None:
        """What is known of it."""
        found = self._known.get(id(record))
        return found[1] if found is not None and found[0]() is record else None

    def keep(self, record: BaseModel, value: V) -> V:
        """Know it until the record is gone."""
        key = id(record)
        self._known[key] = weakref.ref(record, lambda _: self._known.pop(key, None)), value
        return value

    def __len__(self) -> int:
        return len(self._known)


CHECKED: Known[bool] = Known()
"""Records that a slot of the state has checked."""


class _Once:
    """Checks a record of exactly the slot's kind once, and takes the same one again as it is."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(partial(_checked, source), handler(source))


def _checked(kind: type[BaseModel], value: Any, check: Callable[[Any], Any]) -> Any:
    if type(value) is kind and CHECKED.of(value):
        return value
    made = check(value)
    if type(made) is kind:
        CHECKED.keep(made, True)
    return made


Checked = Annotated[T, _Once()]
"""A slot for a record that is checked where it comes in, and not anew at every node that it is handed to.

Nothing is taken on trust: whoever makes another of it (`model_copy`, a checkpoint that is read) has it checked.
"""
