"""Takes the whole state of the embedded AWS out of the process, puts it back, and empties it."""

import importlib
import io
import pickle
import sys
import threading
from collections.abc import Iterator
from typing import Any

from tools.sandbox.answering import OutsideSandbox
from tools.sandbox.mechanism import prepare, shelves

_GLOBALS = (
    ("moto.s3.models", "s3_backends.bucket_accounts"),
    ("moto.organizations.models", "organizations_backends.master_accounts"),
    ("moto.securityhub.models", "SecurityHubBackend._org_configs"),
)
"""What moto keeps of a world outside its backends."""
_COUNTERS = (("moto.logs.models", "LogEvent", "_event_id"), ("moto.logs.models", "LogStream", "_log_ids"))
"""Where moto counts ids for the whole process."""


_NOT_BYTES = (pickle.PicklingError, AttributeError, TypeError)
"""What an object raises that holds something of its process: a thread, a function made on the way."""


class NotKept(OutsideSandbox):
    """A service holds what no file can keep: it is emptied, and the rest of the world goes on."""


def dump(extra: dict[str, Any]) -> bytes:
    """Everything as bytes, with what the caller adds. They can be loaded by another process. Raises NotKept."""
    whole = {
        "backends": {name: _regions(backends) for name, backends in _in_use()},
        "globals": {f"{module}:{path}": dict(value) for module, path, value in _globals()},
        "counters": {(module, owner, name): value for module, owner, name, value in _counters()},
        "shelves": dict(shelves()),
        "random": _random().getstate(),
        "extra": extra,
    }
    try:
        return _bytes(whole)
    except _NOT_BYTES as error:
        services = _emptied()
        if not services:
            raise
        raise NotKept(f"The sandbox cannot keep what was made in {services}, and has emptied it") from error


def _bytes(value: Any) -> bytes:
    held = io.BytesIO()
    _Pickler(held, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return held.getvalue()


def _emptied() -> str:
    """The services whose state cannot be kept, each emptied in every account and Region."""
    names = []
    for name, backends in list(_in_use()):
        try:
            _bytes(_regions(backends))
        except _NOT_BYTES:
            backends.clear()
            names.append(name.split(".")[1])
    return ", ".join(names)


def load(data: bytes) -> dict[str, Any]:
    """Replace everything by what `dump` gave; the caller's part is returned."""
    empty()
    state = _Unpickler(io.BytesIO(data)).load()
    for name, accounts in state["backends"].items():
        backends = _backends(name)
        for account, regions in accounts.items():
            for region, backend in regions.items():
                dict.__setitem__(backends[account], region, backend)
    for name, value in state["globals"].items():
        module, path = name.split(":")
        prepare(module.split(".")[1])
        _reach(module, path).update(value)
    for (module, owner, name), value in state["counters"].items():
        prepare(module.split(".")[1])
        setattr(_reach(module, owner), name, value)
    shelves().update(state["shelves"])
    _random().setstate(state["random"])
    extra: dict[str, Any] = state["extra"]
    return extra


def empty() -> None:
    """Forget every account, Region and resource."""
    from moto.core.model_instances import reset_model_data

    in_use: list[Any] = _instances()
    for backends in in_use:
        backends.clear()
    in_use.clear()
    for _, _, value in _globals():
        value.clear()
    for module, owner, name, _ in _counters():
        setattr(_reach(module, owner), name, 0)
    reset_model_data()
    shelves().clear()


def _instances() -> list[Any]:
    from moto.core import base_backend

    backend_dict: Any = base_backend.BackendDict
    instances: list[Any] = backend_dict._instances
    return instances


def _in_use() -> Iterator[tuple[str, Any]]:
    found = ((_name(backends), backends) for backends in _instances())
    yield from sorted(found, key=lambda one: one[0])


def _regions(backends: Any) -> dict[str, dict[str, Any]]:
    return {account: dict(dict.items(regions)) for account, regions in dict.items(backends)}


def _name(backends: Any) -> str:
    """`moto.iam.models:iam_backends`. The class of the backends says the module, the module says the name."""
    module = importlib.import_module(backends.backend.__module__)
    return f"{module.__name__}:{next(name for name, value in vars(module).items() if value is backends)}"


def _backends(name: str) -> Any:
    module, attribute = name.split(":")
    prepare(module.split(".")[1])
    return getattr(importlib.import_module(module), attribute)


def _counters() -> Iterator[tuple[str, str, str, int]]:
    for module, owner, name in _COUNTERS:
        if module in sys.modules:
            yield module, owner, name, getattr(_reach(module, owner), name)


def _globals() -> Iterator[tuple[str, str, dict[Any, Any]]]:
    for module, path in _GLOBALS:
        if module in sys.modules:
            yield module, path, _reach(module, path)


def _reach(module: str, path: str) -> Any:
    value: Any = importlib.import_module(module)
    for part in path.split("."):
        value = getattr(value, part)
    return value


def _random() -> Any:
    from moto.moto_api._internal import mock_random

    return mock_random


_LOCKS = {type(threading.Lock()): threading.Lock, type(threading.RLock()): threading.RLock}

_CRYPTOGRAPHY = "cryptography."


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        # moto's queues hold locks; nobody holds those while a world is dumped
        made = _LOCKS.get(type(value))
        if made is not None:
            return made, ()
        return _key(value) if type(value).__module__.startswith(_CRYPTOGRAPHY) else NotImplemented

    def persistent_id(self, value: Any) -> Any:
        from moto.core.base_backend import AccountSpecificBackend, BackendDict

        if isinstance(value, BackendDict):
            return ("backends", _name(value))
        if isinstance(value, AccountSpecificBackend):
            module = importlib.import_module(value.backend.__module__)
            name = next(n for n, v in vars(module).items() if isinstance(v, BackendDict) and v.backend is value.backend)
            return ("account", f"{module.__name__}:{name}", value.account_id)
        return None


def _key(value: Any) -> Any:
    """How a private key of KMS, ACM or Cognito is kept."""
    from cryptography.hazmat.primitives import serialization as form

    if not hasattr(value, "private_bytes"):
        return NotImplemented
    return _from_pem, (value.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()),)


def _from_pem(content: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(content, None)


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> Any:
        kind, name, *account = pid
        return _backends(name) if kind == "backends" else _backends(name)[account[0]]
