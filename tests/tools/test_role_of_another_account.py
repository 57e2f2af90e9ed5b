"""How we take on a role in another account: told to a server that stands where STS would."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from tools.session import RealClients

_IDENTITY = "<Arn>arn:aws:iam::111122223333:user/ann</Arn><UserId>AIDAEXAMPLE</UserId><Account>111122223333</Account>"
_CREDENTIALS = (
    "<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
    "<SessionToken>token</SessionToken><Expiration>{until}</Expiration></Credentials>"
)


def _answer(name: str, lasts: timedelta) -> str:
    until = (datetime.now(UTC) + lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
    result = _CREDENTIALS.format(until=until) if name == "AssumeRole" else _IDENTITY
    return f"<{name}Response><{name}Result>{result}</{name}Result></{name}Response>"


LASTS = [timedelta(hours=1)]
"""How long the credentials last that STS gives."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, str]]]:
    """The parameters of each request that came to STS."""
    seen: list[dict[str, str]] = []

    class Sts(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen.append({name: values[0] for name, values in parse_qs(body).items()})
            name = seen[-1]["Action"]
            text = _answer(name, LASTS[0]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Sts)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{server.server_port}")
    for name, value in (
        ("ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("SECRET_ACCESS_KEY", "secret"),
        ("DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(f"AWS_{name}", value)
    yield seen
    server.shutdown()
    server.server_close()


def test_the_role_of_another_account_is_taken_on_by_its_path_and_external_id(asked: list[dict[str, str]]) -> None:
    RealClients("stanch/stanch-read", "stanch", external_id="from-outside").client("ec2", "444455556666", "us-east-1")
    taken = asked[-1]
    assert taken["RoleArn"] == "arn:aws:iam::444455556666:role/stanch/stanch-read"
    assert taken["ExternalId"] == "from-outside"


def test_no_external_id_is_given_where_none_is_configured(asked: list[dict[str, str]]) -> None:
    RealClients("stanch/stanch-read", "stanch").client("ec2", "444455556666", "us-east-1")
    assert "ExternalId" not in asked[-1]


def test_our_own_account_is_worked_with_our_own_identity(asked: list[dict[str, str]]) -> None:
    RealClients("stanch/stanch-read", "stanch").client("ec2", "111122223333", "us-east-1")
    assert [one["Action"] for one in asked] == ["GetCallerIdentity"]


def test_credentials_that_are_about_to_end_are_taken_on_anew(
    asked: list[dict[str, str]],
) -> None:
    clients = RealClients("stanch/stanch-read", "stanch")
    LASTS[0] = timedelta(minutes=5)
    try:
        made = clients.client("sts", "444455556666", "us-east-1")
        for _ in range(2):
            made.get_caller_identity()
    finally:
        LASTS[0] = timedelta(hours=1)
    assert [one["Action"] for one in asked].count("AssumeRole") >= 3
