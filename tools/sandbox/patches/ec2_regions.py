"""An account's Regions are those of its own partition that it has enabled."""

from typing import Any

from tools.sandbox.mechanism import patch


@patch(
    "moto.ec2.models.availability_zones_and_regions",
    "RegionsAndZonesBackend.describe_regions",
    source="b9b1b82e6a05",
    why="moto lists the Regions of every partition, where the caller's credentials are worth nothing, and those not opted in",
)
def _enabled(original: Any) -> Any:
    """Whoever is answered in a Region has it enabled."""

    def describe(self: Any, region_names: list[str] | None = None) -> list[Any]:
        from moto.utilities.utils import get_partition

        found: list[Any] = original(self, region_names)
        own = [region for region in found if get_partition(region.name) == self.partition]
        return [one for one in own if one.opt_in_status != "not-opted-in" or one.name == self.region_name]

    return describe
