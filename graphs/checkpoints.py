"""How checkpoints are written: only our own records come back from one; anything else stays plain data."""

import inspect
import pkgutil
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any

import ormsgpack
from langgraph.checkpoint.serde.jsonplus import EXT_PYDANTIC_V2, JsonPlusSerializer
from langgraph.types import Send
from pydantic import BaseModel

import agent
import graphs.state
from graphs.once import Known

_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})


class Writer(JsonPlusSerializer):
    """Writes each record once: a step's writes and the checkpoint after it hold the same."""

    _written: Known[ormsgpack.Ext] = Known()

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """As LangGraph has it."""
        return super().dumps_typed(self._with_written(obj))

    def _with_written(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is dict:
            return {key: each if type(each) in _PLAIN else self._with_written(each) for key, each in value.items()}
        if kind is list or kind is tuple:
            return kind(self._with_written(each) for each in value)
        if kind is Send:
            return Send(value.node, self._with_written(value.arg))
        return self._as_written(value) if isinstance(value, BaseModel) else value

    def _as_written(self, record: BaseModel) -> ormsgpack.Ext:
        if not record.model_config.get("frozen"):
            return self._write(record)
        return self._written.of(record) or self._written.keep(record, self._write(record))

    def _write(self, record: BaseModel) -> ormsgpack.Ext:
        """In LangGraph's form, with JSON's plain values inside: moments and enums are words that the record knows again."""
        kind = type(record)
        told = (kind.__module__, kind.__name__, record.model_dump(mode="json"), "model_validate_json")
        return ormsgpack.Ext(EXT_PYDANTIC_V2, super().dumps_typed(told)[1])


def serializer() -> JsonPlusSerializer:
    """A serializer that lets exactly the records and enums of `agent` and of the graph's state through."""
    return Writer(allowed_msgpack_modules=_ours())


@cache
def _ours() -> list[tuple[str, str]]:
    names = [info.name for info in pkgutil.iter_modules(agent.__path__, "agent.") if not info.ispkg]
    modules = [*(import_module(name) for name in names), graphs.state]
    return sorted(
        {
            (kind.__module__, kind.__name__)
            for module in modules
            for _, kind in inspect.getmembers(module, inspect.isclass)
            if issubclass(kind, BaseModel | Enum) and kind.__module__ == module.__name__
        }
    )
