"""Our own Region and credentials come from the standard variables, and what is wrong with them is said in one line."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from graphs.configuration import Configuration
from tools.sandbox.engine import Sandbox
from tools.sandbox.serving import Endpoint, serving
from tools.sandbox.world import World
from tools.session import NoAws, RealClients

ACCOUNT = "111122223333"
PROFILE = "[default]\nregion = eu-north-1\n"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with serving(Sandbox.fresh(7, World.parse("now: 2026-11-20T12:00:00Z").now), ACCOUNT) as served:
        yield served


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: Endpoint) -> pytest.MonkeyPatch:
    """An environment that names the sandbox as AWS, and a profile with a Region."""
    (tmp_path / "config").write_text(PROFILE, encoding="utf-8")
    given = endpoint.credentials
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": given.access_key,
        "AWS_SECRET_ACCESS_KEY": given.secret,
        "AWS_SESSION_TOKEN": given.token or "",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize(
    ("set_", "expected"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-2"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "us-east-2"}, "us-east-2"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-2"}, "us-east-2"),
        ({}, "eu-north-1"),
    ],
)
def test_our_region_is_what_aws_region_says_then_the_default_then_the_profile(
    here: pytest.MonkeyPatch, set_: dict[str, str], expected: str
) -> None:
    for name, value in set_.items():
        here.setenv(name, value)
    clients = RealClients(None, "stanch", Configuration().region)
    assert clients.account == ACCOUNT
    assert [client.meta.region_name for client in clients.model(None)] == [expected, expected]


class _Web(BaseHTTPRequestHandler):
    """A web server that is not AWS."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>It works!</html>")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Web) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "nobody listens": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "AWS does not answer: Could not connect"),
    "no URL": ({"AWS_ENDPOINT_URL": "nonsense"}, "nobody like AWS answers at AWS_ENDPOINT_URL"),
    "a key that AWS does not know": ({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, "no usable AWS credentials: Inv"),
    "half a pair": ({"AWS_SECRET_ACCESS_KEY": ""}, "no usable AWS credentials: Partial credentials"),
    "a profile that is not there": ({"AWS_PROFILE": "other"}, "no usable AWS credentials: The config profile (other)"),
    "a Region that is none": ({"AWS_REGION": "not a region"}, "no usable Region: set AWS_REGION"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_keeps_us_from_aws_is_said_by_its_kind(here: pytest.MonkeyPatch, name: str) -> None:
    changes, said = BROKEN[name]
    for variable, value in changes.items():
        here.setenv(variable, value)
    with pytest.raises(NoAws) as raised:
        RealClients(None, "stanch", Configuration().region)
    assert str(raised.value).startswith(said)
    assert len(str(raised.value).splitlines()) == 1


def test_no_credentials_at_all_are_said_to_be_none(here: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        here.delenv(name)
    with pytest.raises(NoAws, match="no usable AWS credentials: Unable to locate"):
        RealClients(None, "stanch", None)


def test_a_web_server_that_is_not_aws_is_not_taken_for_missing_credentials(here: pytest.MonkeyPatch, web: str) -> None:
    here.setenv("AWS_ENDPOINT_URL", web)
    with pytest.raises(NoAws, match="nobody like AWS answers at AWS_ENDPOINT_URL"):
        RealClients(None, "stanch", None)
