"""An origin is told to be a bucket by any of its host names, and by no other's."""

import pytest

from agent.bucket_hosts import road

BUCKET = "static.example-shop"
READS = {
    f"{BUCKET}.s3.amazonaws.com": "api",
    f"{BUCKET}.s3.eu-west-1.amazonaws.com": "api",
    f"{BUCKET}.s3-eu-west-1.amazonaws.com": "api",
    f"{BUCKET}.s3.dualstack.eu-west-1.amazonaws.com": "api",
    f"{BUCKET}.s3-fips.us-east-1.amazonaws.com": "api",
    f"{BUCKET}.s3-accelerate.amazonaws.com": "api",
    f"{BUCKET}.s3-accelerate.dualstack.amazonaws.com": "api",
    f"{BUCKET}.s3.cn-north-1.amazonaws.com.cn": "api",
    f"{BUCKET.upper()}.S3.EU-WEST-1.amazonaws.com.": "api",
    f"{BUCKET}.s3-website-eu-west-1.amazonaws.com": "website",
    f"{BUCKET}.s3-website.eu-central-1.amazonaws.com": "website",
    f"{BUCKET}-logs.s3.amazonaws.com": None,
    f"old.{BUCKET}.s3.amazonaws.com": None,
    f"{BUCKET}.s3.amazonaws.com.example.net": None,
    f"{BUCKET}.example.net": None,
    f"{BUCKET}.execute-api.eu-west-1.amazonaws.com": None,
    "s3.eu-west-1.amazonaws.com": None,
    BUCKET: None,
    "": None,
}


@pytest.mark.parametrize(("host", "expected"), READS.items())
def test_a_bucket_is_read_by_each_of_its_own_host_names(host: str, expected: str | None) -> None:
    assert road(host, "", BUCKET) == expected


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("s3.eu-west-1.amazonaws.com", f"/{BUCKET}", "api"), ("s3.amazonaws.com", f"/{BUCKET}/v2", "api"),
        ("s3.eu-west-1.amazonaws.com", f"/{BUCKET}-logs", None), ("www.example.com", f"/{BUCKET}", None),
        ("s3-website-eu-west-1.amazonaws.com", f"/{BUCKET}", None),
    ],
)  # fmt: skip
def test_a_bucket_is_read_by_its_path_under_s3_s_own_name(host: str, path: str, expected: str | None) -> None:
    assert road(host, path, BUCKET) == expected
