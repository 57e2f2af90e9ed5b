"""The one mechanism that adds operations to moto and corrects it, the same for in-process calls and over HTTP."""

import hashlib
import importlib
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

State = TypeVar("State")
Wire = dict[str, Any]
"""A request or an answer as boto3 has it: JSON, with datetimes where the API has timestamps."""
Handler = Callable[["Ctx", Wire], Any]

OPERATIONS: dict[str, dict[str, Handler]] = {}
"""Added or replaced operations, by moto package and API operation name."""
_SHELVES: dict[tuple[type, str, str], Any] = {}
_PREPARED: set[str] = set()
_NOT_SERVICES = ("core", "settings", "utilities")


@dataclass(frozen=True)
class Ctx:
    """Where a call is answered: the account that its credentials belong to, and the Region it was sent to."""

    account: str
    region: str

    def shelf(self, kind: type[State]) -> State:
        """The world's one `kind()` for this account and Region."""
        return shelf(kind, self.account, self.region)


def shelf(kind: type[State], account: str, region: str) -> State:
    """The world's one `kind()` for an account and Region. It is part of the world: saved, restored and reset with it."""
    key = (kind, account, region)
    if key not in _SHELVES:
        _SHELVES[key] = kind()
    state: State = _SHELVES[key]
    return state


def op(package: str, operation: str) -> Callable[[Handler], Handler]:
    """Add or replace an operation of `moto.<package>`: `fn(ctx, params)` returns a dict shaped like boto3's answer, or
    moto's `ActionResult` of its own objects.

    Errors are raised with `refuse`. Paginators, datetimes and modelled error codes work as botocore's model says.
    """

    def register(fn: Handler) -> Handler:
        OPERATIONS.setdefault(package, {})[operation] = fn
        return fn

    return register


@dataclass(frozen=True)
class Patch:
    """One moto symbol that we replace, and the source it had when the replacement was written."""

    module: str
    symbol: str
    source: str
    """First 12 hex digits of the SHA-256 of its source in the moto that we know."""
    why: str
    replace: Callable[[Any], Any] = field(compare=False)
    """Given the original, returns what stands in its place."""

    @property
    def package(self) -> str:
        """`iam` for `moto.iam.models`."""
        return self.module.split(".")[1]


PATCHES: list[Patch] = []
_ORIGINALS: dict[tuple[str, str], Any] = {}


def patch(module: str, symbol: str, *, source: str, why: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Replace `module.symbol` (`Class.method` too) once its package is loaded, by what the function makes of the original."""

    def register(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
        PATCHES.append(Patch(module, symbol, source, why, fn))
        return fn

    return register


def original(module: str, symbol: str) -> Any:
    """The symbol as moto has it, patched or not."""
    if (module, symbol) in _ORIGINALS:
        return _ORIGINALS[module, symbol]
    owner, name = _owner(module, symbol)
    return inspect.getattr_static(owner, name)


def fingerprint(symbol: Any) -> str:
    """First 12 hex digits of the SHA-256 of a moto symbol's source; its name or value where it is not moto's or has no source."""
    function = symbol.fget if isinstance(symbol, property) else inspect.unwrap(getattr(symbol, "__func__", symbol))
    if inspect.ismodule(function):
        source = f"module {function.__name__}"
    elif inspect.isfunction(function):
        source = inspect.getsource(function)
    else:
        source = repr(function)
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def refuse(code: str, message: str) -> Exception:
    """A service's error, to be raised in an operation: `raise refuse("AccessDeniedException", "Macie is not enabled.")`."""
    return _refusal()(code, message)


@cache
def _refusal() -> type[Exception]:
    from moto.core.exceptions import ServiceException

    # services have codes that are in no model, and moto warns of each
    warnings.filterwarnings("ignore", r"Exception\(Refusal\) with code", UserWarning)
    # a class of our own module: moto looks for the errors of the service that an exception's module names
    refusal: type[Exception] = type("Refusal", (ServiceException,), {"__module__": __name__})
    return refusal


def prepare(package: str) -> None:
    """Load `moto.<package>` and put our operations and patches in. Does nothing the second time."""
    if package in _PREPARED:
        return
    importlib.import_module(f"moto.{package}" if package in _NOT_SERVICES else f"moto.{package}.urls")
    _PREPARED.add(package)
    for one in PATCHES:
        if one.package == package:
            _apply(one)
    if package in OPERATIONS:
        _add_operations(package, OPERATIONS[package])


def _apply(one: Patch) -> None:
    owner, name = _owner(one.module, one.symbol)
    before = inspect.getattr_static(owner, name)
    _ORIGINALS[one.module, one.symbol] = before
    setattr(owner, name, one.replace(before))


def _owner(module: str, symbol: str) -> tuple[Any, str]:
    owner: Any = importlib.import_module(module)
    *path, name = symbol.split(".")
    for part in path:
        owner = getattr(owner, part)
    return owner, name


def response_class(package: str) -> tuple[type, ModuleType]:
    """The class that answers for a moto package, and its `urls` module."""
    urls = importlib.import_module(f"moto.{package}.urls")
    handler = next(iter(urls.url_paths.values()))
    owner = handler.__self__
    return (owner if isinstance(owner, type) else type(owner)), urls


def _add_operations(package: str, operations: dict[str, Handler]) -> None:
    from moto.core.utils import camelcase_to_underscores

    answering, urls = response_class(package)
    for operation, fn in operations.items():
        setattr(answering, camelcase_to_underscores(operation), _method(fn))
    # REST paths that moto never declared
    urls.url_paths.setdefault("{0}/.*$", answering.dispatch)  # type: ignore[attr-defined]  # moto's BaseResponse


def _method(fn: Handler) -> Callable[[Any], Any]:
    def method(self: Any) -> Any:
        self.parse_parameters(self.normalized_request)
        params = self.params.original_dict() if hasattr(self.params, "original_dict") else dict(self.params)
        answer = fn(Ctx(self.current_account, self.region), params)
        return _named_result()(answer) if answer is None or isinstance(answer, dict) else answer

    return method


@cache
def _named_result() -> Any:
    """moto's result, for an answer that has boto3's own names: no others are tried for each of its members."""
    from moto.core.responses import ActionContext, ActionResult
    from moto.core.serialize import AttributePicker, AttributePickerContext

    class Named(AttributePicker):
        def get_possible_keys(self, context: AttributePickerContext) -> Generator[str]:
            yield context.key

    class NamedResult(ActionResult):
        def execute_result(self, context: ActionContext) -> Any:
            transformers = getattr(context.response, "RESPONSE_KEY_PATH_TO_TRANSFORMER", None)
            picker = Named(response_transformers=transformers)
            serializer = context.serializer_class(operation_model=context.operation_model, value_picker=picker)
            made = serializer.serialize(self.result)
            return made["status_code"], made["headers"], made["body"]

    return NamedResult


NEW_SERVICES: dict[str, str] = {}
"""Services that moto has no package for: the name of boto3's client, and the endpoint's first label.

Their operations are added with `op(name, ...)` as for any other, and what they keep is on shelves.
"""


CLIENT_NAMES: dict[str, str] = {}
"""What boto3 calls a new service, where moto has a package of that name."""


def add_services() -> None:
    """Let requests to the new services find their way. Called once a process."""
    from moto.core.responses import boto3_service_name

    boto3_service_name.update(CLIENT_NAMES)
    for package, host in NEW_SERVICES.items():
        _add_service(package, host)


def _add_service(package: str, host: str) -> None:
    from moto import backend_index
    from moto.core.base_backend import BackendDict, BaseBackend
    from moto.core.responses import BaseResponse

    def init(self: Any) -> None:
        BaseResponse.__init__(self, service_name=package)

    answering = type(
        f"{package.title()}Response", (BaseResponse,), {"__init__": init, "__module__": f"moto.{package}.responses"}
    )
    state = type(f"{package.title()}Backend", (BaseBackend,), {"__module__": f"moto.{package}.models"})
    backends: Any = BackendDict(state, package, use_boto3_regions=False)
    parts: dict[str, dict[str, Any]] = {
        "": {f"{package}_backends": backends},
        ".models": {f"{package}_backends": backends},
        ".responses": {answering.__name__: answering},
        ".urls": {
            "url_bases": [rf"https?://{host}\.(.+)\.amazonaws\.com"],
            "url_paths": {"{0}/.*$": answering.dispatch},  # type: ignore[attr-defined]  # moto's BaseResponse
        },
        ".exceptions": {},
    }
    for suffix, contents in parts.items():
        module = ModuleType(f"moto.{package}{suffix}")
        module.__path__ = []
        module.__dict__.update(contents)
        sys.modules[module.__name__] = module
    backend_index.backend_url_patterns.append((package, re.compile(rf"https?://{host}\.(.+)\.amazonaws\.com")))


def shelves() -> dict[tuple[type, str, str], Any]:
    """The world's own state, live."""
    return _SHELVES
