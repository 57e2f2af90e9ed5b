"""`stanch studio` up to the moment it becomes the server: what it needs, what it clears, and what it hands over."""

import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graphs.entrypoints import cli_studio
from graphs.entrypoints.cli import app


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with something in it, and a process that stays here when it leaves."""
    monkeypatch.setenv("STANCH_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studio" / ".langgraph_api").mkdir(parents=True)
    (tmp_path / "sandbox").mkdir()
    return tmp_path


@pytest.fixture
def became(home: Path, monkeypatch: pytest.MonkeyPatch) -> list:
    calls: list = []
    monkeypatch.setattr(os, "execve", lambda *call: calls.append((*call, Path.cwd())))
    return calls


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def ran(*arguments: str):
    return CliRunner().invoke(app, ["studio", *arguments])


def test_the_server_listens_here_only_and_works_beside_its_world(home, became):
    port = free_port()
    assert ran("--port", port).exit_code == 0
    [(program, command, _, folder)] = became
    assert program == sys.executable
    assert command[1:4] == ["-m", "langgraph_cli", "dev"]
    assert [command[command.index(option) + 1] for option in ("--host", "--port")] == ["127.0.0.1", port]
    assert "--no-browser" in command
    assert folder == home / "studio"


def test_the_server_is_handed_nothing_to_speak_to_aws_or_langsmith_with(home, became, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "LANGSMITH_API_KEY", "LANGSMITH_TRACING", "LANGCHAIN_API_KEY"):
        monkeypatch.setenv(name, "something")
    ran("--port", free_port())
    [(_, _, environment, _)] = became
    assert [name for name in environment if name.startswith(("AWS_", "LANGSMITH_", "LANGCHAIN_"))] == []
    assert environment["LANGGRAPH_CLI_NO_ANALYTICS"] == "1"
    assert environment["STANCH_HOME"] == str(home)


def test_fresh_forgets_what_studio_kept_and_nothing_else(home, became):
    assert ran("--port", free_port()).exit_code == 0
    assert (home / "studio" / ".langgraph_api").exists()
    assert ran("--port", free_port(), "--fresh").exit_code == 0
    assert not (home / "studio" / ".langgraph_api").exists()
    assert (home / "sandbox").exists()


def test_without_the_development_packages_it_says_what_installs_them(became, monkeypatch):
    monkeypatch.setitem(sys.modules, "langgraph_api", None)
    ended = ran("--port", free_port())
    assert (ended.exit_code, became) == (1, [])
    assert ended.stderr.strip() == (
        "Studio needs the development packages (langgraph_api not found): `make setup` installs them"
    )


def test_outside_a_clone_it_says_so(became, monkeypatch, tmp_path):
    monkeypatch.setattr(cli_studio, "ROOT", tmp_path)
    ended = ran("--port", free_port())
    assert (ended.exit_code, became) == (1, [])
    assert ended.stderr.startswith("Studio runs from a clone of the repository")


def test_make_passes_the_port_on():
    told = subprocess.run(
        ["make", "--dry-run", "studio", "PORT=3210"],  # noqa: S607 - make, wherever it is
        cwd=cli_studio.ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "stanch studio --port 3210" in told.stdout


class Other(BaseHTTPRequestHandler):
    """A server that is not Stanch's."""

    def do_POST(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def test_the_tour_says_in_one_line_that_what_answers_is_not_stanch():
    with HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        addresses = [f"http://127.0.0.1:{port}" for port in (server.server_port, free_port())]
        for address in addresses:
            ended = subprocess.run(  # noqa: S603 - our own script, by our own interpreter
                [sys.executable, "docs/studio_tour.py", address],
                cwd=cli_studio.ROOT, capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert (ended.returncode, ended.stdout) == (1, "")
            assert ended.stderr.strip() == (
                f"no Stanch answers at {address}: start `make studio`, and name another address as the argument"
            )
        server.shutdown()
