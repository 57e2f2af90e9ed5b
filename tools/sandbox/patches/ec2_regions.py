"""An account's Regions are those of its own partition."""

from typing import Any

from tools.sandbox.mechanism import patch


@patch(
    "moto.ec2.models.availability_zones_and_regions",
    "RegionsAndZonesBackend.describe_regions",
    source="b9b1b82e6a05",
    why="moto lists the Regions of every partition, where the caller's credentials are worth nothing",
)
def _of_the_partition(original: Any) -> Any:
    def describe(self: Any, region_names: list[str] | None = None) -> list[Any]:
        from moto.utilities.utils import get_partition

        found: list[Any] = original(self, region_names)
        return [region for region in found if get_partition(region.name) == self.partition]

    return describe
