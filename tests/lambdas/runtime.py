"""Lambda on this machine: each function is the real `awslambdaric` in a process of its own, against a Runtime API of ours."""

import atexit
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from evals import models

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "111122223333", "eu-west-1"
SECONDS = 60
"""What an invocation has."""


class Failed(RuntimeError):
    """The function ended with an error: the type and message that it gave."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A process that was killed leaves its connection behind."""


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server of this handler; its host and port."""
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class Answering(BaseHTTPRequestHandler):
    """What our small servers share."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@dataclass
class Function:
    """One function with one process: started at once, given one event after the other."""

    name: str
    log: Path
    process: subprocess.Popen[bytes] | None = None
    waiting: "queue.Queue[tuple[str, Any]]" = field(default_factory=queue.Queue)
    ended: dict[str, "Future[Any]"] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"

    def send(self, event: Any) -> "Future[Any]":
        """Queue an event, as an asynchronous invocation does."""
        request, ended = str(uuid.uuid4()), Future()
        self.ended[request] = ended
        self.waiting.put((request, event))
        return ended

    def invoke(self, event: Any) -> Any:
        """Invoke and wait for the answer. Raises Failed."""
        return self.send(event).result(SECONDS)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


@cache
def described() -> Path:
    """What the package says of AWS: functions here can send no more than they could there."""
    folder = Path(tempfile.mkdtemp(prefix="stanch-models-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    models.write(folder)
    return folder


@contextmanager
def running(name: str, handler: str, folder: Path, environment: dict[str, str]) -> Iterator[Function]:
    """The function with its process, which ends with this."""
    function = Function(name, folder / f"{name}.log")

    class Runtime(Answering):
        def do_GET(self) -> None:
            request, event = function.waiting.get()
            deadline = str(int((time.time() + SECONDS) * 1000))
            self.answer(
                200, json.dumps(event).encode(), Lambda_Runtime_Aws_Request_Id=request,
                Lambda_Runtime_Deadline_Ms=deadline, Lambda_Runtime_Invoked_Function_Arn=function.arn,
                Lambda_Runtime_Trace_Id="Root=1-00000000-000000000000000000000000", Content_Type="application/json",
            )  # fmt: skip

        def do_POST(self) -> None:
            said = json.loads(self.body() or b"null")
            found = re.search(r"/invocation/([^/]+)/(response|error)$", self.path)
            if found and found[2] == "response":
                function.ended[found[1]].set_result(said)
            elif found:
                function.ended[found[1]].set_exception(Failed(f"{said['errorType']}: {said['errorMessage']}"))
            self.answer(202)

    with served(Runtime) as address, function.log.open("wb") as log:
        function.process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "awslambdaric", handler],
            env=environment | {
                "AWS_LAMBDA_RUNTIME_API": address, "AWS_LAMBDA_FUNCTION_NAME": name,
                "AWS_DATA_PATH": str(described()),
            },
            cwd=ROOT, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield function
        finally:
            function.kill()


@dataclass
class Service:
    """What invokes functions by name: the API behind `lambda:Invoke`. What is lost is accepted and forgotten."""

    functions: dict[str, Function] = field(default_factory=dict)
    invoked: list[tuple[str, Any]] = field(default_factory=list)
    sent: "list[Future[Any]]" = field(default_factory=list)
    loses: bool = False


@contextmanager
def invoking(service: Service) -> Iterator[str]:
    """The API of the service; its URL."""

    class Api(Answering):
        def do_POST(self) -> None:
            name, event = self.path.split("/")[3], json.loads(self.body())
            assert self.headers["X-Amz-Invocation-Type"] == "Event"
            service.invoked.append((name, event))
            if not service.loses:
                service.sent.append(service.functions[name].send(event))
            self.answer(202)

    with served(Api) as address:
        yield f"http://{address}"


def plain_environment() -> dict[str, str]:
    """Nothing of this machine's own configuration of AWS or of ours."""
    ours = ("AWS_", "STANCH_", "LANG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {
        "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "LANGGRAPH_STRICT_MSGPACK": "true",
        "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
