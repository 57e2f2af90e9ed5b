"""A Lambda runtime API on the loopback address, as far as one invocation needs it."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ARN = "arn:aws:lambda:us-east-1:123456789012:function:bench"
_MINUTES_15 = 900


@dataclass(frozen=True)
class Answer:
    """What a handler answered, and when, by `time.perf_counter`."""

    at: float
    ok: bool
    body: bytes


@dataclass
class RuntimeApi:
    """Hands out the events that are offered, and takes what is answered."""

    address: str = ""
    events: "queue.Queue[bytes]" = field(default_factory=queue.Queue)
    answers: "queue.Queue[Answer]" = field(default_factory=queue.Queue)


@contextmanager
def runtime_api() -> Iterator[RuntimeApi]:
    """Serve one process while this is open: one that is killed while it waits would take the next one's event with it."""
    api = RuntimeApi()
    handler = type("_Handler", (_Asked,), {"api": api})
    with _Server(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        api.address = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    """One that says nothing of a process that was killed while it waited."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


class _Asked(BaseHTTPRequestHandler):
    """One request of a runtime."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment for an answer: without it each takes 40 ms
    api: RuntimeApi

    def do_GET(self) -> None:
        """The next event; blocks until there is one."""
        event = self.api.events.get()
        self.send_response(200)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "00000000-0000-4000-8000-000000000000",
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + _MINUTES_15) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": _ARN,
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000",
            "Content-Type": "application/json",
            "Content-Length": str(len(event)),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        """An answer, or an error."""
        body = self._body()
        self.api.answers.put(Answer(time.perf_counter(), self.path.endswith("/response"), body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
