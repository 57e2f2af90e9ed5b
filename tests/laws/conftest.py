"""The laws are tested on the graph's desk, over the bundled cases."""

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "graphs"))

from worked import Worked, work_all


@pytest.fixture(scope="session")
def worked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Worked, ...]:
    """Every bundled case, worked once by whichever of the suite's processes comes to it first."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    base = tmp_path_factory.getbasetemp()
    return work_all((base.parent if worker else base) / "worked", int(worker.removeprefix("gw") or 0))
