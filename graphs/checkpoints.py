"""How checkpoints are written: only our own records come back from one; anything else stays plain data."""

import inspect
import pkgutil
from enum import Enum
from functools import cache
from importlib import import_module

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel

import agent
import graphs.state


def serializer() -> JsonPlusSerializer:
    """A serializer that lets exactly the records and enums of `agent` and of the graph's state through."""
    return JsonPlusSerializer(allowed_msgpack_modules=_ours())


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
