"""Ids of EC2 resources: a world's own where it has them."""

from typing import Any

from tools.sandbox.chosen import next_id
from tools.sandbox.mechanism import patch


@patch(
    "moto.ec2.utils", "random_id", source="81bba5b0d105", why="the things of a world have the ids that it gives them"
)
def _chosen_id(original: Any) -> Any:
    def chosen(prefix: str = "", size: int = 17) -> str:
        return next_id(prefix) or str(original(prefix, size))

    return chosen
