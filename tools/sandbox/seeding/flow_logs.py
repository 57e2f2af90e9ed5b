"""VPC Flow Logs in a world: records written as version-2 lines into the log group that the flow log names."""

import zlib
from typing import Annotated, Any, Literal

from pydantic import Field, IPvAnyAddress, field_validator

from agent.record import Record
from tools.sandbox.seeding import log_lines
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.when import When, resolve

_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17}
_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} "
    "${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)


class Flow(Record):
    """One flow, or `count` of them a minute apart, the last at `at`."""

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


class FlowLog(Record):
    """One flow log of a VPC, with what it wrote."""

    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./#-]+$", max_length=512)]
    vpc: Annotated[str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$")]
    interface: Annotated[str, Field(pattern=r"^eni-[0-9a-f]{8,17}$")]
    region: str | None = None
    traffic: Literal["ALL", "ACCEPT", "REJECT"] = "ALL"
    format: Literal["default"] = "default"
    records: list[Flow] = []

    @field_validator("records")
    @classmethod
    def _traffic_is_kept(cls, records: list[Flow], info: Any) -> list[Flow]:
        traffic = info.data.get("traffic", "ALL")
        for number, flow in enumerate(records):
            if traffic not in ("ALL", flow.action):
                raise ValueError(f"[{number}].action: this flow log keeps {traffic} only")
        return records


def lines(place: Place, flow_log: FlowLog) -> list[tuple[int, str]]:
    """Every flow as (milliseconds, version-2 line), oldest first."""
    written = []
    for flow in flow_log.records:
        end = int(resolve(flow.at, place.now).timestamp())
        port = flow.srcport or 32768 + zlib.crc32(f"{flow.src}{flow.dst}{flow.dstport}".encode()) % 28000
        for repeat in range(flow.count):
            at = end - 60 * repeat
            fields = [
                2, place.account, flow_log.interface, flow.src, flow.dst, port, flow.dstport, _PROTOCOLS[flow.protocol],
                flow.packets, flow.bytes, at - 60, at, flow.action, "OK",
            ]  # fmt: skip
            written.append((at * 1000, " ".join(str(field) for field in fields)))
    return sorted(written)


def seed(place: Place, flow_logs: list[FlowLog]) -> None:
    """Create each flow log in EC2 and write its lines into its log group, unless there is such a flow log."""
    for flow_log in flow_logs:
        here = place.at(flow_log.region)
        if _identity(flow_log) in here.backend("ec2").flow_logs:
            continue
        stream = f"{flow_log.interface}-{flow_log.traffic.lower()}"
        log_lines.write(here, flow_log.group, stream, lines(here, flow_log))
        _create(here, flow_log)


def _identity(flow_log: FlowLog) -> str:
    return f"fl-{zlib.crc32(f'{flow_log.vpc}{flow_log.group}{flow_log.interface}'.encode()):017x}"


def _create(place: Place, flow_log: FlowLog) -> None:
    """CreateFlowLogs would want a VPC whose id nobody can choose, so the flow log is put in behind its back."""
    from moto.ec2.models.flow_logs import FlowLogs

    backend = place.backend("ec2")
    identity = _identity(flow_log)
    role = f"arn:{place.partition}:iam::{place.account}:role/flow-logs"
    backend.flow_logs[identity] = FlowLogs(  # type: ignore[abstract]  # moto makes it so itself
        backend, identity, flow_log.vpc, flow_log.traffic, "", flow_log.group, role, 600, "cloud-watch-logs", _FORMAT
    )
