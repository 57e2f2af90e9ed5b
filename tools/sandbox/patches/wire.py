"""What moto does at every request and answer, with less work and the same outcome."""

from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from tools.sandbox.mechanism import patch
from tools.sandbox.signing import proof
from tools.sandbox.xml_writing import unparse


@patch(
    "moto.iam.access_control",
    "IAMRequestBase.check_signature",
    source="e241592350df",
    why="a request of this process brings the secret itself",
)
def _secret(original: Any) -> Any:
    def check(self: Any) -> None:
        given = self._get_string_between("Signature=", ",", self._headers["Authorization"])
        if given != proof(self._access_key.create_credentials().secret_key):
            original(self)

    return check


@patch(
    "moto.core.serialize",
    "xmltodict",
    source="6f472e9a51fb",
    why="it sends an event to a handler for each part of an answer, and checks each name anew",
)
def _xml(original: Any) -> Any:
    return SimpleNamespace(unparse=unparse)


@patch(
    "moto.core.serialize",
    "ResponseSerializer.get_value",
    source="5ac16904b91c",
    why="it puts a path and a context together for every value, though hardly any answer needs them",
)
def _value(original: Any) -> Any:
    from moto.core.constants import MISSING
    from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
    from moto.core.utils import get_value

    def found(self: Any, value: Any, key: str, shape: Any) -> Any:
        picker = self._value_picker
        if type(picker) is not XFormedAttributePicker or key.endswith(_ends(picker.response_transformers)):
            return original(self, value, key, shape)
        asked = AttributePickerContext(value, key, shape, self.operation_model, self.operation_model.service_model)
        plain = type(value) is dict
        for name in picker.get_possible_keys(asked):
            at: Any = value.get(name, MISSING) if plain and "." not in name else get_value(value, name, MISSING)
            if at is not MISSING:
                return at
        return None

    return found


_ENDS: dict[int, tuple[object, tuple[str, ...]]] = {}
"""With each table of transformers, which is part of its class and never goes, the members that its paths end with."""


def _ends(transformers: dict[str, Any]) -> tuple[str, ...]:
    """Names of members that may be transformed: the tables name ends of paths."""
    if not transformers:
        return ()
    if id(transformers) not in _ENDS:
        _ENDS[id(transformers)] = transformers, tuple({path.rpartition(".")[2] for path in transformers})
    return _ENDS[id(transformers)][1]


@patch(
    "moto.core.request",
    "Request.from_primitives",
    source="4cfb35d5fb26",
    why="a builder for tests puts the request together part by part",
)
def _request(original: Any) -> Any:
    whole: Callable[..., Any] = original.__func__

    def made(cls: Any, method: str, url: str, headers: Any, body: Any = None) -> Any:
        sent = body.encode() if isinstance(body, str) else body or b""
        at = urlsplit(url)
        parted = "multipart" in str(headers.get("Content-Type"))
        if parted or not isinstance(sent, bytes) or not url.isascii() or at.path.startswith("//"):
            return whole(cls, method, url, headers, body)
        return cls(_environ(method, at, headers, sent))

    return classmethod(made)


def _environ(method: str, at: SplitResult, headers: Any, body: bytes) -> dict[str, Any]:
    """The request as WSGI has it, with moto's own note of the names that WSGI would lose."""
    from moto.core.request import (
        PRESERVED_HEADER_NAMES_ENVIRON_KEY,
        environ_key_for_header,
        should_preserve_original_header_name,
    )

    kept: dict[str, str] = {}
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(at.path).encode().decode("latin-1"),
        "QUERY_STRING": at.query,
        "REQUEST_URI": at.path,
        "RAW_URI": at.path,
        "SERVER_NAME": at.netloc.partition(":")[0],
        "SERVER_PORT": str(at.port or (443 if at.scheme == "https" else 80)),
        "HTTP_HOST": at.netloc,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": at.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        PRESERVED_HEADER_NAMES_ENVIRON_KEY: kept,
    }
    sent: dict[str, list[str]] = {}
    for name, value in headers.items():
        if name.lower() in ("transfer-encoding", "content-length"):
            continue
        key = environ_key_for_header(name)
        sent.setdefault(key, []).append(value.decode() if isinstance(value, bytes) else str(value))
        if should_preserve_original_header_name(name):
            kept[key] = name
    environ |= {key: ", ".join(values) for key, values in sent.items()}
    return environ | {"CONTENT_LENGTH": str(len(body))}


@patch(
    "moto.core.base_backend",
    "BackendDict.__getitem__",
    source="16766ef9c002",
    why="it takes a lock and compares itself with every service that is in use, for each look at an account that is there",
)
def _backend(original: Any) -> Any:
    def get(self: Any, account: str) -> Any:
        there = dict.get(self, account)
        return original(self, account) if there is None else there

    return get


@patch(
    "moto.core.responses",
    "BaseResponse._get_action_from_method_and_request_uri",
    source="2642f0e466dc",
    why="it routes the same request three times over",
)
def _action(original: Any) -> Any:
    def action(self: Any, request: Any) -> Any:
        known = self.__dict__.get("_routed")
        if known is None or known[0] is not request:
            known = self._routed = request, original(self, request)
        return known[1]

    return action
