"""Time, ids and settings: moto reads the world's clock and the world's request ids."""

import sys
from functools import cache
from types import ModuleType
from typing import Any

from tools.sandbox import clock
from tools.sandbox.answering import request_id
from tools.sandbox.mechanism import patch


@patch("moto.core.utils", "utcnow", source="7b8bb404c4f6", why="the world has its own clock")
def _utcnow(original: Any) -> Any:
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.") and getattr(module, "utcnow", None) is original:
            module.utcnow = clock.utcnow  # type: ignore[attr-defined]  # imported by name before us
    return clock.utcnow


@patch(
    "moto.utilities.aws_headers",
    "gen_amzn_requestid_long",
    source="e651941c2107",
    why="reads must not use up ids of the world",
)
def _request_id(original: Any) -> Any:
    def given(headerdict: dict[str, Any] | None = None) -> str:
        if headerdict is not None:
            headerdict["x-amzn-requestid"] = request_id()
        return request_id()

    responses = sys.modules.get("moto.core.responses")
    if responses is not None:
        responses.gen_amzn_requestid_long = given  # type: ignore[attr-defined]  # imported by name before us
    return given


@patch(
    "moto.settings",
    "ec2_load_default_amis",
    source="026952cb3ca1",
    why="the images take 230 ms a Region and nobody asks for them",
)
def _no_images(original: Any) -> Any:
    return lambda: False


@patch(
    "moto.core.responses",
    "method_names_from_class",
    source="9dbac89d082b",
    why="it looks through every member of the class at every call, which no call changes",
)
def _method_names(original: Any) -> Any:
    return cache(original)


@patch(
    "moto.core.errors",
    "ErrorLookupFactory",
    source="b8966509425c",
    why="it keeps the errors of a service that it looked through, and is made anew for every error",
)
def _errors(original: Any) -> Any:
    return cache(original)


@patch(
    "moto.core.serialize",
    "XFormedAttributePicker.get_possible_keys",
    source="f0d20f55f37f",
    why="it works the names of every member out anew for every value, though only their kinds tell",
)
def _names(original: Any) -> Any:
    known: dict[Any, list[str]] = {}

    def names(self: Any, context: Any) -> list[str]:
        kind = (type(context.obj), context.shape, context.key)
        if kind not in known:
            known[kind] = list(dict.fromkeys(original(self, context)))
        return known[kind]

    return names


@patch(
    "moto.core.responses",
    "BaseResponse.get_region_from_url",
    source="f26e68bd6df6",
    why="GovCloud's IAM answers at iam.us-gov.amazonaws.com, and moto takes us-gov for a Region of the partition aws",
)
def _govcloud(original: Any) -> Any:
    def region(self: Any, request: Any, full_url: str) -> str:
        found: str = original(self, request, full_url)
        return "us-gov-west-1" if found == "us-gov" else found

    return region


class _Clocked(ModuleType):
    """The `datetime` module with the world's clock in it, for moto modules that import the module."""

    def __init__(self, original: Any) -> None:
        super().__init__("datetime")
        self.__dict__.update(vars(original))
        self.datetime = clock.ClockedDatetime


def _module(original: Any) -> Any:
    return _Clocked(original)


def _class(original: Any) -> Any:
    return clock.ClockedDatetime


for _name, _replacement, _source in (
    ("moto.s3.models", _module, "b807f2264b2a"),
    ("moto.securityhub.models", _module, "b807f2264b2a"),
    ("moto.guardduty.models", _class, "db298cdd231b"),
    ("moto.autoscaling.models", _class, "db298cdd231b"),
    ("moto.s3control.models", _class, "db298cdd231b"),
):
    patch(_name, "datetime", source=_source, why="it asks the host for the time")(_replacement)


@patch(
    "moto.sts.models", "random_session_token", source="19b824591346", why="session tokens must be the same in every run"
)
def _session_token(original: Any) -> Any:
    def token() -> str:
        from moto.moto_api._internal import mock_random
        from moto.sts.utils import SESSION_TOKEN_PREFIX

        return SESSION_TOKEN_PREFIX + mock_random.token_urlsafe(256)

    return token
