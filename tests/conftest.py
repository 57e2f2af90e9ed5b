"""Options of the suite."""

import gc

import pytest

gc.set_threshold(
    50_000
)  # worlds are made and dropped by the thousand: at Python's 700 it would look through them for ever


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every",
        type=int,
        default=4,
        help="Kill after every N-th AWS call in the process sweeps; writes are never left out.",
    )


@pytest.fixture
def every(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--every"))
