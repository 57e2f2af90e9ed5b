"""Each test of the contract runs over both databases."""

from pathlib import Path

import pytest
from ledger_scene import KINDS, Database, database


@pytest.fixture(params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return database(request.param, tmp_path)
