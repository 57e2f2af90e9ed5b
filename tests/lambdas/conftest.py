"""One deployment for all tests here: each test has a user of its own in it."""

from collections.abc import Iterator

import pytest

from tests.lambdas.deployment import Deployment, deployed


@pytest.fixture(scope="session")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("deployed")) as made:
        yield made
