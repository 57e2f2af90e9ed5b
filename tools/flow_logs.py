"""What flow logs tell of an address, wherever they are kept and whatever fields they have."""

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agent.addresses import Address
from agent.beats import LEAST, beats
from agent.finding import Finding
from agent.target import Target, TargetKind
from tools import interfaces
from tools.aws import Aws, AwsCall, Phase
from tools.gathering import Gathering, Read, about, attempt
from tools.source import Question

FLOW_LOGS = AwsCall(
    "ec2", "DescribeFlowLogs", permission="ec2:DescribeFlowLogs", resource="*", phases=frozenset({Phase.READ})
)
INTERFACES = interfaces.listing(Phase.READ)
CALLS = frozenset({FLOW_LOGS, INTERFACES})
FACTS = (
    "address.flows_accepted", "address.flows_rejected", "address.bytes_out", "address.seen_in_vpc", "address.ports",
    "address.beats", "address.others_spoke",
)  # fmt: skip
DEFAULT_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} "
    "${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)
LAG = timedelta(minutes=15)
"""Ten minutes of capture, and some for delivery."""
PORTS = 8
"""As many as a fact names."""

_ROLES = {
    "src": ("srcaddr", "sourceaddress", "pkt_srcaddr"),
    "dst": ("dstaddr", "destinationaddress", "pkt_dstaddr"),
    "srcport": ("srcport", "sourceport"),
    "dstport": ("dstport", "destinationport"),
    "octets": ("bytes", "numbytes"),
    "action": ("action",),
    "interface": ("interface_id", "interfaceid"),
    "start": ("start", "starttime"),
    "end": ("end", "endtime"),
}
"""What is asked for, and the names that flow logs and AWS's own tables over them have for it."""
_NEEDED = ("src", "dst", "action", "octets")


@dataclass(frozen=True)
class Kept:
    """One flow log as EC2 describes it."""

    to: str
    """`cloud-watch-logs`, `s3` or another."""
    group: str
    format: str
    traffic: str
    window: int
    """Seconds that one record covers at most."""


@dataclass
class Logs:
    """What the flow logs that were asked keep, and why others could not be asked."""

    traffic: set[str] = field(default_factory=set)
    window: int = 60
    gap: str = ""

    def add(self, kept: Kept) -> None:
        """One more that is asked."""
        self.traffic.add(kept.traffic)
        self.window = max(self.window, kept.window)

    def keeps(self, action: str) -> bool:
        """Whether one keeps this kind of traffic."""
        return bool(self.traffic & {"ALL", action})


@dataclass
class Flows:
    """What one address did."""

    accepted: int = 0
    rejected: int = 0
    bytes_out: int = 0
    ports: Counter[int] | None = None
    """The lower port of each accepted flow: the one that serves. None where no log has ports."""
    interfaces: set[str] | None = None
    """Ours that an accepted flow came from or went to. None where no log names them."""
    beats: bool | None = None
    not_told: str = ""
    """Why nothing can be said of beats."""
    unheard: str = ""
    """Why the times of the flows could not be read."""


def described(gathering: Gathering, aws: Aws) -> list[Kept]:
    """Every flow log of the Region."""
    return [_kept(one) for page in gathering.pages(aws, FLOW_LOGS) for one in page.get("FlowLogs", [])]


def roles(names: Iterable[str]) -> dict[str, str]:
    """Which of a log's fields or a table's columns says what: role to the name as it is written there."""
    known: dict[str, str] = {}
    for name in names:
        known.setdefault(name.lower().replace("-", "_"), name)
    found = {role: next((known[name] for name in listed if name in known), "") for role, listed in _ROLES.items()}
    return {role: name for role, name in found.items() if name}


def lacks(known: dict[str, str]) -> bool:
    """Whether it does not even say who sent how much to whom."""
    return not set(_NEEDED) <= set(known)


def host(address: Target) -> Address | None:
    """The one address that a target is: parsed, so that a query that holds it holds nothing else."""
    network = ipaddress.ip_network(address.id)
    return network.network_address if network.num_addresses == 1 else None


def add(found: dict[str, Flows], row: dict[str, str], known: dict[str, str]) -> None:
    """Count one row of `src`, `dst`, `action`, `port`, `interface`, `flows` and `octets`."""
    count, octets = _number(row.get("flows")), _number(row.get("octets"))
    accepted = row.get("action") == "ACCEPT"
    for end in {row.get("src"), row.get("dst")} & set(found):
        flows = found[str(end)]
        if not accepted:
            flows.rejected += count
            continue
        flows.accepted += count
        flows.bytes_out += octets if row.get("dst") == end else 0
        if {"srcport", "dstport"} <= set(known):
            flows.ports = (flows.ports or Counter()) + Counter({_number(row.get("port")): count})
        if "interface" in known:
            flows.interfaces = (flows.interfaces or set()) | {row.get("interface", "-")} - {"-"}


def listen(found: dict[str, Flows], read: Callable[[list[str]], list[dict[str, str]] | None], window: int) -> None:
    """Say of each address with enough flows whether they come in a beat.

    `read` is given those addresses and returns rows of `src`, `dst`, `began` and `ended`, None where the log has no times.
    That it fails takes nothing from the counts; that there are too many to read is no failure.
    """
    found = {address: flows for address, flows in found.items() if flows.accepted >= LEAST}
    rows = attempt(lambda: read(sorted(found))) if found else Read([])
    if rows.value is None:
        for flows in found.values():
            flows.not_told = {"": "not_in_format", "row_limit": "too_many_flows"}.get(rows.gap, "")
            flows.unheard = "" if flows.not_told else rows.gap
        return
    _hear(found, rows.value, window)


def _hear(found: dict[str, Flows], rows: list[dict[str, str]], window: int) -> None:
    spans: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        began, ended = _number(row.get("began")), _number(row.get("ended"))
        for end in {row.get("src"), row.get("dst")} & set(found):
            spans.setdefault(str(end), []).append((began, max(began, ended)))
    for address, flows in found.items():
        flows.beats = beats(spans.get(address, []), window)
        flows.not_told = "lasting" if flows.beats is None else ""


def own_interfaces(gathering: Gathering, aws: Aws, finding: Finding) -> Read[set[str]]:
    """The interfaces of the instances that the finding is about; none if it is about no instance."""
    instances = about(finding, TargetKind.INSTANCE)

    def read() -> set[str]:
        return {one.id for target in instances for one in interfaces.of_instance(aws, INTERFACES, target)}

    return gathering.counted(aws, read) if instances else Read(None)


def tell_none(gathering: Gathering, addresses: Iterable[Target], gap: str, missing: str) -> None:
    """No flow logs at all is an answer; flow logs that could not be read are not."""
    for address in addresses:
        for name in FACTS:
            if gap:
                gathering.failed(name, address, gap)
            else:
                gathering.absent(name, address, missing)


def tell(
    gathering: Gathering, address: Target, flows: Flows, logs: Logs, own: Read[set[str]], question: Question
) -> None:
    """Counts from every log that can be asked; a part of the traffic that none keeps is absent, not zero."""
    accepts, rejects = logs.keeps("ACCEPT"), logs.keeps("REJECT")
    only = "" if accepts and rejects else "reject_only" if rejects else "accept_only"
    seen = flows.accepted + flows.rejected > 0
    late = not seen and (question.finding.last_seen or question.now) > question.now - LAG
    no_accepts = "" if accepts else only
    _put(gathering, "address.flows_accepted", address, flows.accepted, logs.gap, no_accepts, late)
    _put(gathering, "address.bytes_out", address, flows.bytes_out, logs.gap, no_accepts, late)
    _put(gathering, "address.flows_rejected", address, flows.rejected, logs.gap, "" if rejects else only, late)
    if seen:
        gathering.known("address.seen_in_vpc", address, True)
    else:
        _put(gathering, "address.seen_in_vpc", address, False, logs.gap, only, late)
    _tell_how(gathering, address, flows, logs.gap, no_accepts, late)
    _tell_others(gathering, address, flows, own, logs.gap, no_accepts, late)


def _tell_how(gathering: Gathering, address: Target, flows: Flows, gap: str, missing: str, late: bool) -> None:
    ports = [str(port) for port, _ in sorted((flows.ports or Counter()).most_common(PORTS))]
    no_ports = missing or ("not_in_format" if flows.accepted and flows.ports is None else "" if ports else "no_flows")
    _put(gathering, "address.ports", address, ", ".join(ports), gap, no_ports, late)
    _put(gathering, "address.beats", address, bool(flows.beats), gap or flows.unheard, missing or flows.not_told, late)


def _tell_others(
    gathering: Gathering, address: Target, flows: Flows, own: Read[set[str]], gap: str, missing: str, late: bool
) -> None:
    others = len((flows.interfaces or set()) - (own.value or set()))
    none = (
        "no_instance" if own.value is None else "not_in_format" if flows.accepted and flows.interfaces is None else ""
    )
    _put(gathering, "address.others_spoke", address, others, own.gap or gap, missing or none, late)


def _put(
    gathering: Gathering, name: str, address: Target, value: bool | int | str, gap: str, missing: str, late: bool
) -> None:
    if gap:
        gathering.failed(name, address, gap)
    elif late and missing in ("", "no_flows"):
        gathering.not_yet(name, address, "flow_log_lag")
    elif missing:
        gathering.absent(name, address, missing)
    else:
        gathering.known(name, address, value)


def _kept(flow_log: Any) -> Kept:
    to = flow_log.get("LogDestinationType", "cloud-watch-logs")
    group = flow_log.get("LogGroupName") or ""
    if not group and ":log-group:" in str(flow_log.get("LogDestination")):
        group = str(flow_log["LogDestination"]).split(":log-group:", 1)[1].split(":", 1)[0]
    window = flow_log.get("MaxAggregationInterval")
    return Kept(
        to=to,
        group=group if to == "cloud-watch-logs" else "",
        format=flow_log.get("LogFormat") or DEFAULT_FORMAT,
        traffic=flow_log.get("TrafficType", "ALL"),
        window=window if isinstance(window, int) and window > 0 else 600,
    )


def _number(text: str | None) -> int:
    try:
        return int(float(text or 0))
    except ValueError:
        return 0
