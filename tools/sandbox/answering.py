"""Finds the moto handler for a request and lets it answer: no network, no global patching, one routing table a process."""

import re
import threading
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from tools.sandbox.mechanism import prepare

Answer = tuple[int, dict[str, str], bytes]
LOCK = threading.RLock()
"""Held while moto answers: moto is not safe for threads."""
_GIVEN_REQUEST_ID: list[str] = [""]


UNKEPT = ("awslambda", "moto_api._internal", "ssm")
"""What moto has and the sandbox does not: a world with it cannot be saved."""


class OutsideSandbox(RuntimeError):
    """Something was asked that the embedded AWS does not have. Nothing left the process."""


def request_id() -> str:
    """The id of the request that is being answered."""
    return _GIVEN_REQUEST_ID[0]


def answer(request: Any, identifier: str) -> Answer:
    """Answer a botocore prepared request. Raises OutsideSandbox for what is not AWS or not there."""
    from moto.core.request import normalize_request
    from moto.core.utils import get_equivalent_url_in_aws_domain
    from werkzeug.exceptions import HTTPException

    parsed, _ = get_equivalent_url_in_aws_domain(request.url)
    url = f"{parsed.scheme}://{parsed.netloc}{parsed.path}"
    with LOCK:
        handler = _handler(url)
        _GIVEN_REQUEST_ID[0] = identifier
        normalized = normalize_request(request)
        try:
            status, headers, body = handler(normalized, normalized.raw_url, normalized.headers)
        except HTTPException as error:
            status, headers, body = error.code, dict(error.get_headers()), error.get_body()
        except NotImplementedError as error:
            raise OutsideSandbox(f"{request.method} {url}: {error}") from error
    return int(status), headers, body.encode() if isinstance(body, str) else body


@lru_cache(4096)
def _handler(url: str) -> Callable[[Any, str, Any], Any]:
    from moto.backend_index import backend_url_patterns

    for package, pattern in backend_url_patterns:
        if pattern.match(url) and package not in UNKEPT:
            for path, handler in _routes(package):
                if path.match(url):
                    return handler
    raise OutsideSandbox(f"The sandbox does not know {url}")


@cache
def _routes(package: str) -> list[tuple[re.Pattern[str], Callable[[Any, str, Any], Any]]]:
    from moto.backends import get_backend

    prepare(package)
    backends: Any = get_backend(package)  # type: ignore[call-overload]  # moto lists its names as literals
    # the table needs an instance, not a world
    backend = object.__new__(backends.backend)
    return [(re.compile(path), handler) for path, handler in backend.urls.items()]
