"""What Access Analyzer has proved of a bucket is told as it stands; without an analyzer nothing is said."""

from typing import Any

import pytest
from asking import BUCKET, OTHER_ACCOUNT, ask, changed, values

STRANGER = {"bucket": BUCKET, "principal": OTHER_ACCOUNT}


def told(**section: Any) -> list[Any]:
    """How many findings, whether public, and how many principals."""
    return list(values(ask("access_analyzer", changed("access_analyzer", section))).values())


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], [0, False, 0]),
        ([{"bucket": BUCKET}], [1, True, 0]),
        ([{"bucket": BUCKET}, STRANGER], [2, True, 1]),
        ([STRANGER, STRANGER | {"source": "S3_ACCESS_POINT"}], [2, False, 1]),
        ([STRANGER | {"status": "ARCHIVED"}, STRANGER | {"source": "BUCKET_ACL", "status": "RESOLVED"}], [0, False, 0]),
        ([STRANGER | {"bucket": "orders-data-2"}], [0, False, 0]),
        (
            [{"bucket": BUCKET, "principal": f"arn:aws:iam::{OTHER_ACCOUNT}:role/r{n}"} for n in range(120)],
            [120, False, 120],
        ),
    ],
)
def test_active_findings_of_the_bucket_are_counted_over_every_page(
    findings: list[dict[str, Any]], expected: list[Any]
) -> None:
    assert told(findings=findings) == expected


@pytest.mark.parametrize("section", [{"enabled": False}, {"type": "ACCOUNT_UNUSED_ACCESS"}])
def test_without_an_analyzer_of_external_access_nothing_is_said_and_nothing_failed(section: dict[str, Any]) -> None:
    assert told(**section) == ["absent: no_analyzer"] * 3
