"""The sandbox over HTTP, on the loopback address only, for the AWS CLI and other processes."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders

from tools.sandbox.answering import LOCK, OutsideSandbox, answer
from tools.sandbox.engine import Credentials, Sandbox
from tools.sandbox.refusal import STATUS, refusal

_SCOPE = re.compile(r"Credential=[^/,]+/\d{8}/([a-z0-9-]+)/([a-z0-9.-]+)/aws4_request")
_GLOBAL = ("iam", "cloudfront")
_BY_HOP = ("connection", "content-length", "date", "server", "transfer-encoding")


@dataclass(frozen=True)
class Endpoint:
    """Where a sandbox is served, for `AWS_ENDPOINT_URL` and the standard variables of credentials."""

    url: str
    credentials: Credentials
    """Of the account's admin role."""


@contextmanager
def serving(sandbox: Sandbox, account: str, region: str = "us-east-1", port: int = 0) -> Iterator[Endpoint]:
    """Serve the sandbox while this is open; port 0 is any free one.

    Requests are checked as those in the process are: signed by somebody who may, or unsigned to S3. What the sandbox does not
    know answers NotImplemented and goes nowhere. Callbacks after writes run; other hooks do not.
    """
    handler = type("_Handler", (_Asked,), {"sandbox": sandbox})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, name="sandbox", daemon=True)
        thread.start()
        try:
            yield Endpoint(f"http://127.0.0.1:{server.server_port}", sandbox.admin(account, region))
        finally:
            server.shutdown()
            thread.join()


class _Asked(BaseHTTPRequestHandler):
    """One request of another process."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment for an answer: without it each takes 40 ms
    sandbox: Sandbox

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = HTTPHeaders()
        for name, value in self.headers.items():
            headers[name] = value
        account = self.headers.get("x-amz-account-id", "")
        service, region, url = _destination(self.headers.get("Authorization", ""), self.path, account)
        request = AWSPreparedRequest(self.command, url, headers, body, False)
        operation = _operation(self.command, self.path, self.headers.get("X-Amz-Target"), body)
        identifier = ""
        try:
            with LOCK:
                call, identifier = self.sandbox.number(service, operation, "", region)
                self._reply(*_answered(self.sandbox, request, identifier, call.writes))
        except OutsideSandbox as error:
            why = f"{service}: {str(error).rstrip('.')}."
            self._reply(STATUS, *refusal(service, self.headers.get("X-Amz-Target"), body, why, identifier))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815 - names of http.server

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _BY_HOP:
                self.send_header(name, str(value))
        length = headers.get("content-length", len(body)) if self.command == "HEAD" else len(body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: standard error is the command's own."""


def _answered(
    sandbox: Sandbox, request: AWSPreparedRequest, identifier: str, writes: bool
) -> tuple[int, dict[str, str], bytes]:
    answered = answer(request, identifier)
    if writes:
        for saved in list(sandbox.faults.written):
            saved()
    return answered


def _destination(authorization: str, path: str, account: str) -> tuple[str, str, str]:
    """Service, Region and URL at AWS, by whom the request is signed for. An unsigned one is for S3.

    The account is the one that S3 Control's requests name; at AWS it stands before the host.
    """
    scope = _SCOPE.search(authorization)
    region, service = (scope[1], scope[2]) if scope else ("us-east-1", "s3")
    if service == "s3" and path.startswith("/v20180820/"):
        service = "s3-control"
    elif service == "bedrock" and path.startswith("/model/"):
        service = "bedrock-runtime"
    host = f"{service}.amazonaws.com" if service in _GLOBAL else f"{service}.{region}.amazonaws.com"
    if service == "s3-control" and account.isdigit():
        host = f"{account}.{host}"
    return service, region, f"https://{host}{path}"


def _operation(method: str, path: str, target: str | None, body: bytes) -> str:
    """The API's own name of what is asked; for REST, which names none, the method stands in: `GetPath` reads."""
    if target is not None:
        return target.rpartition(".")[2]
    asked = parse_qs(body.decode("latin-1")).get("Action") if method == "POST" else None
    return asked[0] if asked else f"{method.title()} {urlsplit(path).path}"
