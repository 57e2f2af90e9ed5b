"""An answer that is not AWS's own is no answer: typed, and a write that met it may have taken effect."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tools.actions.iam_deactivate_key import CALLS
from tools.aws import Aws, Clients, Phase, Unreachable, may_have_worked

PAGES = {"a page": b"<html><body><p>sign in<br></body></html>", "half an answer": b"<UpdateAccessKeyResponse><Resp"}


class Proxied(Clients):
    """Clients whose every request ends at somebody else's server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def client(self, service: str, account: str, region: str) -> Any:
        return boto3.Session("AKIAEXAMPLE", "secret").client(
            service, region, endpoint_url=self._url, config=Config(retries={"total_max_attempts": 1})
        )


@pytest.fixture(params=PAGES)
def clients(request: pytest.FixtureRequest) -> Iterator[Proxied]:
    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PAGES[request.param])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Proxied(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_a_write_that_somebody_else_answers_is_unreachable_and_may_have_worked(clients: Proxied) -> None:
    aws = Aws(clients, "111122223333", "us-east-1", "aws", Phase.EXECUTE, CALLS)
    (write,) = [call for call in CALLS if call.writes and Phase.EXECUTE in call.phases]
    with pytest.raises(Unreachable):
        aws.need(write, UserName="ann", AccessKeyId="AKIAIOSFODNN7EXAMPLE", Status="Inactive")
    assert [may_have_worked(call) for call in aws.tally.writes] == [True]
