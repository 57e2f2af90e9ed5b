"""VPC Flow Logs in a world: records written as lines into the log group, or as files into the bucket, that the flow log names."""

import zlib
from typing import Annotated, Any, Literal

from pydantic import Field, IPvAnyAddress, field_validator, model_validator

from agent.record import Record
from tools.sandbox.seeding import log_lines
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.s3 import BucketName
from tools.sandbox.seeding.when import When, resolve

_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17}
DEFAULT = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start", "end", "action", "log-status",
)  # fmt: skip
_VERSIONS = {
    3: ("vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr"),
    4: ("region", "az-id", "sublocation-type", "sublocation-id"),
    5: ("pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path"),
    7: ("ecs-cluster-name", "ecs-cluster-arn", "ecs-container-id", "ecs-service-name", "ecs-task-arn", "ecs-task-id"),
    8: ("reject-reason",),
}
_KNOWN = {*DEFAULT, *(name for names in _VERSIONS.values() for name in names)}


class Flow(Record):
    """One flow, or `count` of them `every` so many seconds, the last at `at`."""

    at: When
    src: IPvAnyAddress
    dst: IPvAnyAddress
    srcport: Annotated[int, Field(ge=0, le=65535)] = 0
    dstport: Annotated[int, Field(ge=0, le=65535)] = 443
    protocol: Literal["tcp", "udp", "icmp"] = "tcp"
    packets: Annotated[int, Field(ge=0)] = 10
    bytes: Annotated[int, Field(ge=0)] = 840
    action: Literal["ACCEPT", "REJECT"] = "ACCEPT"
    count: Annotated[int, Field(ge=1, le=20000)] = 1
    every: Annotated[int, Field(ge=1, le=86400)] = 60


class FlowLog(Record):
    """One flow log of a VPC, with what it wrote."""

    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./#-]+$", max_length=512)] | None = None
    bucket: BucketName | None = None
    vpc: Annotated[str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$")]
    interface: Annotated[str, Field(pattern=r"^eni-[0-9a-f]{8,17}$")]
    region: str | None = None
    traffic: Literal["ALL", "ACCEPT", "REJECT"] = "ALL"
    format: Literal["default"] | list[str] = "default"
    files: Literal["text", "parquet"] = "text"
    interval: Literal[60, 600] = 600
    records: list[Flow] = []

    @model_validator(mode="after")
    def _goes_somewhere(self) -> "FlowLog":
        if (self.group is None) == (self.bucket is None):
            raise ValueError("group: a flow log is delivered to a log group or to a bucket")
        return self

    @field_validator("format")
    @classmethod
    def _fields_are_known(cls, value: str | list[str]) -> str | list[str]:
        unknown = [name for name in value if name not in _KNOWN] if isinstance(value, list) else []
        if unknown or value == []:
            raise ValueError(
                f"a flow log has no field {unknown[0]!r}" if unknown else "a flow log has at least one field"
            )
        return value

    @field_validator("records")
    @classmethod
    def _traffic_is_kept(cls, records: list[Flow], info: Any) -> list[Flow]:
        traffic = info.data.get("traffic", "ALL")
        for number, flow in enumerate(records):
            if traffic not in ("ALL", flow.action):
                raise ValueError(f"[{number}].action: this flow log keeps {traffic} only")
        return records

    @property
    def fields(self) -> tuple[str, ...]:
        """Its fields, in order."""
        return DEFAULT if isinstance(self.format, str) else tuple(self.format)

    @property
    def identity(self) -> str:
        """The id of the flow log, the same for the same one."""
        return f"fl-{zlib.crc32(f'{self.vpc}{self.group or self.bucket}{self.interface}'.encode()):017x}"


def lines(place: Place, flow_log: FlowLog) -> list[tuple[int, str]]:
    """Every flow as (milliseconds, line), oldest first."""
    written = []
    for flow in flow_log.records:
        end = int(resolve(flow.at, place.now).timestamp())
        port = flow.srcport or 32768 + zlib.crc32(f"{flow.src}{flow.dst}{flow.dstport}".encode()) % 28000
        for repeat in range(flow.count):
            at = end - flow.every * repeat
            told = _told(place, flow_log, flow, port, at)
            written.append((at * 1000, " ".join(told.get(name, "-") for name in flow_log.fields)))
    return sorted(written)


def _told(place: Place, flow_log: FlowLog, flow: Flow, port: int, at: int) -> dict[str, str]:
    version = max((number for number, names in _VERSIONS.items() if set(names) & set(flow_log.fields)), default=2)
    values = {
        "version": version, "account-id": place.account, "interface-id": flow_log.interface, "srcaddr": flow.src,
        "dstaddr": flow.dst, "srcport": port, "dstport": flow.dstport, "protocol": _PROTOCOLS[flow.protocol],
        "packets": flow.packets, "bytes": flow.bytes, "start": at - min(60, flow.every), "end": at, "action": flow.action,
        "log-status": "OK", "vpc-id": flow_log.vpc, "tcp-flags": 2, "type": f"IPv{flow.src.version}",
        "pkt-srcaddr": flow.src, "pkt-dstaddr": flow.dst, "region": place.region,
    }  # fmt: skip
    return {name: str(value) for name, value in values.items()}


def seed(place: Place, flow_logs: list[FlowLog]) -> None:
    """Create each flow log in EC2 and write its lines into its log group, unless there is such a flow log.

    Files in a bucket are written by whoever seeds Athena, whose table says what is in them.
    """
    for flow_log in flow_logs:
        here = place.at(flow_log.region)
        if flow_log.identity in here.backend("ec2").flow_logs:
            continue
        if flow_log.group is not None:
            stream = f"{flow_log.interface}-{flow_log.traffic.lower()}"
            log_lines.write(here, flow_log.group, stream, lines(here, flow_log))
        _create(here, flow_log)


def _create(place: Place, flow_log: FlowLog) -> None:
    """CreateFlowLogs would want a VPC whose id nobody can choose, so the flow log is put in behind its back."""
    from moto.ec2.models.flow_logs import FlowLogs

    backend = place.backend("ec2")
    identity = flow_log.identity
    role = f"arn:{place.partition}:iam::{place.account}:role/flow-logs"
    to_bucket = flow_log.bucket is not None
    destination = f"arn:{place.partition}:s3:::{flow_log.bucket}" if to_bucket else ""
    backend.flow_logs[identity] = FlowLogs(  # type: ignore[abstract]  # moto makes it so itself
        backend, identity, flow_log.vpc, flow_log.traffic, destination, flow_log.group or "", role, flow_log.interval,
        "s3" if to_bucket else "cloud-watch-logs", " ".join(f"${{{name}}}" for name in flow_log.fields),
    )  # fmt: skip
