"""What a world has of which it tells no more than that it is there: databases, functions, groups, images, keys, snapshots, trails."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from agent.record import Record
from agent.target import Target, TargetKind
from tools.sandbox.chosen import chosen
from tools.sandbox.seeding.place import Place
from tools.sandbox.services.functions import Functions

KINDS = frozenset(
    {
        TargetKind.DATABASE,
        TargetKind.FUNCTION,
        TargetKind.GROUP,
        TargetKind.IMAGE,
        TargetKind.KMS_KEY,
        TargetKind.SNAPSHOT,
        TargetKind.TRAIL,
    }
)


class Present(Record):
    """One of them, by what AWS calls it."""

    kind: Literal["database", "function", "group", "image", "kms_key", "snapshot", "trail"]
    id: Annotated[str, Field(max_length=256)]
    region: str | None = None

    @model_validator(mode="after")
    def _id_is_well_formed(self) -> "Present":
        Target(kind=TargetKind(self.kind), id=self.id, account="111122223333", region="us-east-1")
        return self


def seed(place: Place, section: list[Present]) -> None:
    """Make each, in its own Region. What is there already stays as it is."""
    for one in section:
        _MAKERS[one.kind](place.at(one.region), one.id)


def _database(place: Place, name: str) -> None:
    if name.lower() not in {one.lower() for one in place.backend("rds").databases}:
        place.client("rds").create_db_instance(
            DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=20
        )


def _function(place: Place, name: str) -> None:
    place.shelf(Functions).names.add(name)


def _group(place: Place, name: str) -> None:
    backend = place.backend("ec2")
    if backend.get_security_group_from_id(name) is None:
        with chosen(name):
            backend.create_security_group(name, f"{name} of the world", vpc_id=backend.get_default_vpc().id)


def _image(place: Place, name: str) -> None:
    backend = place.backend("ec2")
    if name not in backend.amis:
        with chosen(name):
            backend.register_image(name)


def _key(place: Place, name: str) -> None:
    backend = place.backend("kms")
    if name not in backend.keys:
        made: Any = backend.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "of the world", None)
        del backend.keys[made.id]
        made.arn, made.id = made.arn.replace(made.id, name), name
        backend.keys[name] = made


def _snapshot(place: Place, name: str) -> None:
    backend = place.backend("ec2")
    if name not in backend.snapshots:
        zone = place.client("ec2").describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
        volume = backend.create_volume(1, zone)
        with chosen(name):
            backend.create_snapshot(volume.id, "of the world")


def _trail(place: Place, name: str) -> None:
    from moto.cloudtrail.models import Trail

    backend = place.backend("cloudtrail")
    if name not in backend.trails:
        bucket, nothing = f"trail-of-{place.account}-{place.region}", ""
        if bucket not in place.bucket_names():
            place.global_backend("s3").create_bucket(bucket, place.region)
        backend.trails[name] = Trail(
            place.account,
            place.region,
            name,
            bucket,
            nothing,
            nothing,
            True,
            True,
            False,
            False,
            nothing,
            nothing,
            nothing,
        )


_MAKERS: dict[str, Callable[[Place, str], None]] = {
    "database": _database, "function": _function, "group": _group, "image": _image, "kms_key": _key,
    "snapshot": _snapshot, "trail": _trail,
}  # fmt: skip
