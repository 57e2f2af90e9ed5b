"""The host names by which a bucket is read: as a CloudFront distribution's origin writes them."""

import re
from typing import Literal

Road = Literal["api", "website"]
"""S3's API, which takes a signature, or a website endpoint, which takes none."""

_TAIL = r"\.amazonaws\.com(\.cn)?"
_WEBSITE = re.compile(rf"s3-website[.-][a-z0-9-]+{_TAIL}")
_API = re.compile(rf"s3(-fips)?([.-](dualstack\.)?[a-z0-9-]+)?{_TAIL}|s3-accelerate\.dualstack{_TAIL}")
"""Regional, legacy, with IPv6, FIPS and accelerated ones."""


def road(host: str, path: str, bucket: str) -> Road | None:
    """How an origin with this host name and path reads the bucket; None if it reads something else."""
    name = host.casefold().removesuffix(".")
    endpoint = name.removeprefix(f"{bucket}.")
    if endpoint != name and _WEBSITE.fullmatch(endpoint):
        return "website"
    by_path = path == f"/{bucket}" or path.startswith(f"/{bucket}/")
    if (endpoint != name or by_path) and not _WEBSITE.fullmatch(endpoint) and _API.fullmatch(endpoint):
        return "api"
    return None
