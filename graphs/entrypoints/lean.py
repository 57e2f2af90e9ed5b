"""In Lambda, packages as bare folders: what their `__init__` loads beside what we use costs half a second.

A module inside is loaded as ever, from its own file; only names that the package itself re-exports are not there.
"""

import gc
import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

BARE = ("langchain_aws", "langchain_aws.chat_models", "langchain_aws.llms", "langgraph_sdk", "langsmith.types")
"""Chat models, retrievers and tools that we do not use; a client of a LangGraph server; records of a tracing service."""


IN_LAMBDA = "AWS_LAMBDA_RUNTIME_API"
"""Set by the runtime. Elsewhere other code in the process may want the packages whole."""


COLLECTED_AFTER = 50_000
"""Objects more than before. At Python's 700 a seventh of the time in which modules load is spent looking for garbage."""


def lean() -> None:
    """Put them in place, if nothing has loaded them yet; let pydantic look for no plugins, and collect garbage less often."""
    gc.set_threshold(COLLECTED_AFTER)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "true")
    for name in BARE:
        if name not in sys.modules:
            sys.modules[name] = _bare(name)


def _bare(name: str) -> ModuleType:
    top, *inner = name.split(".")
    found = find_spec(top)
    folders = list(found.submodule_search_locations or []) if found is not None else []
    if not folders:
        raise ModuleNotFoundError(f"{top} is no installed package", name=top)
    module = ModuleType(name)
    module.__path__ = [os.path.join(folder, *inner) for folder in folders]
    module.__spec__ = ModuleSpec(name, None, is_package=True)
    module.__spec__.submodule_search_locations = module.__path__
    return module


if IN_LAMBDA in os.environ:
    lean()
