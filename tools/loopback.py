"""S3 Control on a loopback endpoint: the account in front of the host is taken off, as nothing answers under that name."""

import re
from typing import Any
from urllib.parse import urlsplit

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_ACCOUNT = re.compile(r"(?<=//)\d{12}\.")


def without_account_host(client: Any) -> Any:
    """The same client. Where it goes to a loopback address, its requests go to that address itself."""
    if urlsplit(client.meta.endpoint_url).hostname in _LOOPBACK:
        for event in ("request-created.s3-control", "before-sign.s3-control"):
            client.meta.events.register_first(event, _stripped)
    return client


def _stripped(request: Any, **_: Any) -> None:
    request.url = _ACCOUNT.sub("", request.url, count=1)
