"""Makes botocore clients whose requests end in moto instead of the network."""

import os
import threading
from collections import OrderedDict
from functools import cache
from io import BytesIO
from typing import Any, Protocol

import botocore.exceptions
import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from tools.sandbox.answering import LOCK, answer
from tools.sandbox.faults import Fail, Faults, Lost, SandboxCall
from tools.sandbox.identity import Credentials
from tools.sandbox.signing import lighten

_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 3},
    connect_timeout=2,
    read_timeout=5,
    ignore_configured_endpoint_urls=True,
    use_dualstack_endpoint=False,
    use_fips_endpoint=False,
    defaults_mode="legacy",
    account_id_endpoint_mode="disabled",
    user_agent="stanch-sandbox",  # botocore would put one together from its whole surroundings at every call
)
_UNSIGNED = _CONFIG.merge(Config(signature_version=UNSIGNED))
_KEPT_CLIENTS = 256


class Served(Protocol):
    """The world that requests end in."""

    faults: Faults

    def number(self, service: str, operation: str, account: str, region: str) -> tuple[SandboxCall, str]:
        """The call with its number, and the request id that it will get."""
        ...


class _Body(BytesIO):
    def stream(self, **_: Any) -> Any:
        while chunk := self.read(65536):
            yield chunk


class Connection:
    """One botocore session that reads neither the environment nor files of the host, and the clients made with it.

    Clients outlive worlds, because making them is slow: their requests end in the world that is served then.
    """

    def __init__(self) -> None:
        alone = (None, None, None, None)
        nowhere = (None, None, os.devnull, None)
        self._session = botocore.session.Session(
            session_vars={"profile": alone, "config_file": nowhere, "credentials_file": nowhere, "region": alone}
        )
        self._lock = threading.Lock()
        self._clients: OrderedDict[tuple[str, str, str, Credentials | None], Any] = OrderedDict()
        self._served: list[Served] = []

    def serve(self, world: Served) -> None:
        """Let requests end in this world from now on."""
        self._served[:] = [world]

    def client(self, service: str, account: str, region: str, credentials: Credentials | None) -> Any:
        """A client that signs with the credentials, or nothing. The same one for the same four."""
        key = (service, account, region, credentials)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(service, account, region, credentials)
                if len(self._clients) > _KEPT_CLIENTS:
                    self._clients.popitem(last=False)
            return self._clients[key]

    def _make(self, service: str, account: str, region: str, credentials: Credentials | None) -> Any:
        keys = credentials or Credentials("", "")
        client = self._session.create_client(
            service, region, aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret,
            aws_session_token=keys.token, config=_CONFIG if credentials else _UNSIGNED,
        )  # fmt: skip
        protocol = client.meta.service_model.protocol

        def send(request: Any, event_name: str, **_: Any) -> AWSResponse:
            world = self._served[0]
            call, identifier = world.number(service, event_name.rsplit(".", 1)[-1], account, region)
            return _exchange(request, call, identifier, world.faults, protocol)

        client.meta.events.register_first("before-send", send)
        lighten(client)
        return client


@cache
def connection() -> Connection:
    """The process's one connection."""
    return Connection()


def _exchange(request: Any, call: SandboxCall, identifier: str, faults: Faults, protocol: str) -> AWSResponse:
    for hook in list(faults.before):
        if (fault := hook(call)) is not None:
            return _faulty(request, fault, protocol, identifier)
    with LOCK:
        status, headers, body = answer(request, identifier)
        if call.writes:
            for saved in list(faults.written):
                saved()
    for hook in list(faults.after):
        if (fault := hook(call)) is not None:
            return _faulty(request, fault, protocol, identifier)
    return AWSResponse(request.url, status, headers, _Body(body))


def _faulty(request: Any, fault: Fail | Lost, protocol: str, identifier: str) -> AWSResponse:
    if fault is Lost.CONNECT_TIMEOUT:
        raise botocore.exceptions.ConnectTimeoutError(endpoint_url=request.url)
    if fault is Lost.READ_TIMEOUT:
        raise botocore.exceptions.ReadTimeoutError(endpoint_url=request.url)
    headers = {"x-amzn-requestid": identifier, "x-amzn-errortype": fault.code}
    return AWSResponse(request.url, fault.status, headers, _Body(_error_body(fault, protocol, identifier)))


def _error_body(fault: Fail, protocol: str, identifier: str) -> bytes:
    code, message = fault.code, fault.message
    inner = f"<Code>{code}</Code><Message>{message}</Message>"
    bodies = {
        "ec2": f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{identifier}</RequestID></Response>",
        "query": f"<ErrorResponse><Error>{inner}</Error><RequestId>{identifier}</RequestId></ErrorResponse>",
        "rest-xml": f"<Error>{inner}<RequestId>{identifier}</RequestId></Error>",
    }
    return bodies.get(protocol, f'{{"__type": "{code}", "message": "{message}"}}').encode()


def send_unsigned_get(bucket: str, key: str) -> int:
    """Status of a GET that nobody signed, of `https://<bucket>.s3.amazonaws.com/<key>`."""
    from urllib.parse import quote

    url = f"https://{bucket}.s3.amazonaws.com/{quote(key)}"
    request = AWSPreparedRequest("GET", url, HTTPHeaders(), b"", False)
    return answer(request, "anonymous")[0]
