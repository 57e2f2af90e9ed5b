"""VPC Flow Logs, through Logs Insights: whether the finding's addresses really spoke with anything of ours."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agent.evidence import Answered
from agent.finding import Finding
from agent.target import GLOBAL, Target
from tools import log_query
from tools.aws import Aws, AwsCall, Phase
from tools.gathering import Gathering, attempt, home
from tools.source import Question, SourceSpec
from tools.window import Window

_READ = frozenset({Phase.READ})
FACTS = ("address.flows_accepted", "address.flows_rejected", "address.bytes_out", "address.seen_in_vpc")

SPEC = SourceSpec(
    name="vpc_flow_logs",
    tells="Whether the remote addresses spoke with our networks, and how much left for them.",
    facts=FACTS,
    deadline_seconds=60,
    byte_cap=50_000_000_000,
    attacker_writes=(),
)

FLOW_LOGS = AwsCall("ec2", "DescribeFlowLogs", permission="ec2:DescribeFlowLogs", resource="*", phases=_READ)
CALLS = log_query.CALLS | {FLOW_LOGS}

DEFAULT_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} "
    "${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)
"""Insights finds the fields of this format by itself."""
GROUPS = 50
"""As many log groups as one query takes."""
LAG = timedelta(minutes=15)
"""Ten minutes of capture, and some for delivery."""


@dataclass
class Logs:
    """The flow logs that can be asked, and why some cannot."""

    groups: dict[str, set[str]] = field(default_factory=dict)
    """Log group to the kinds of traffic that it holds."""
    gap: str = ""
    found: int = 0

    def keeps(self, action: str) -> bool:
        """Whether a flow log keeps this kind of traffic."""
        return any(kept & {"ALL", action} for kept in self.groups.values())


@dataclass
class Flows:
    """What one address did."""

    accepted: int = 0
    rejected: int = 0
    bytes_out: int = 0


def wanted(finding: Finding) -> bool:
    """Only where the finding names somebody on the other side."""
    return bool(finding.remote_addresses)


def gather(aws: Aws, question: Question) -> Answered:
    """One query for all addresses, over the log groups of the finding's Region."""
    gathering = Gathering(SPEC, question.now)
    finding = question.finding
    addresses = list(dict.fromkeys(finding.remote_addresses))
    for address in addresses:
        gathering.want(address, FACTS)
    aws = aws.at(home(aws.partition) if finding.region == GLOBAL else finding.region)
    logs = attempt(lambda: _logs(gathering, aws))
    hosts = {address: host for address in addresses if (host := _host(address)) is not None}
    if logs.value is None or not logs.value.groups:
        _tell_none(gathering, addresses, logs.gap or (logs.value.gap if logs.value else ""))
        return gathering.answered()
    flows = attempt(lambda: _flows(gathering, aws, logs.value or Logs(), hosts.values(), question) if hosts else {})
    for address in addresses:
        if flows.value is None or address not in hosts:
            _tell_none(gathering, [address], flows.gap or "not_a_single_address")
        else:
            _tell(gathering, address, flows.value.get(hosts[address], Flows()), logs.value, question)
    return gathering.answered()


def _host(address: Target) -> str | None:
    """The address as the query writes it: parsed and written anew, so that nothing else can be in it."""
    network = ipaddress.ip_network(address.id)
    return str(network.network_address) if network.num_addresses == 1 else None


def _logs(gathering: Gathering, aws: Aws) -> Logs:
    logs = Logs()
    for page in gathering.pages(aws, FLOW_LOGS):
        for flow_log in page.get("FlowLogs", []):
            logs.found += 1
            group = _group(flow_log)
            if group is None:
                logs.gap = logs.gap or "not_in_cloudwatch"
            elif flow_log.get("LogFormat", DEFAULT_FORMAT) != DEFAULT_FORMAT:
                logs.gap = logs.gap or "custom_format"
            elif group not in logs.groups and len(logs.groups) == GROUPS:
                logs.gap = logs.gap or "too_many_log_groups"
            else:
                logs.groups.setdefault(group, set()).add(flow_log.get("TrafficType", "ALL"))
    return logs


def _group(flow_log: Any) -> str | None:
    """The log group that a flow log is delivered to; none for S3 and Firehose."""
    if flow_log.get("LogDestinationType", "cloud-watch-logs") != "cloud-watch-logs":
        return None
    name = flow_log.get("LogGroupName")
    if not name and ":log-group:" in str(flow_log.get("LogDestination")):
        name = str(flow_log["LogDestination"]).split(":log-group:", 1)[1].split(":", 1)[0]
    return name or None


def _query(hosts: Iterable[str]) -> str:
    listed = ", ".join(f'"{host}"' for host in sorted(set(hosts)))
    return (
        f"filter srcAddr in [{listed}] or dstAddr in [{listed}]"
        " | stats count(*) as flows, sum(bytes) as octets by srcAddr, dstAddr, action"
        f" | limit {log_query.ROWS}"
    )


def _flows(gathering: Gathering, aws: Aws, logs: Logs, hosts: Iterable[str], question: Question) -> dict[str, Flows]:
    """Flows by address. Raises AwsError where the answer is not there, or not all of it."""
    found = {host: Flows() for host in hosts}
    for row in log_query.run(gathering, aws, sorted(logs.groups), Window.of(question), _query(found), SPEC.byte_cap):
        _add(found, row)
    return found


def _add(found: dict[str, Flows], row: dict[str, str]) -> None:
    count, octets = int(float(row.get("flows") or 0)), int(float(row.get("octets") or 0))
    accepted = row.get("action") == "ACCEPT"
    for end in {row.get("srcAddr"), row.get("dstAddr")} & set(found):
        flows = found[str(end)]
        if accepted:
            flows.accepted += count
            flows.bytes_out += octets if row.get("dstAddr") == end else 0
        else:
            flows.rejected += count


def _tell_none(gathering: Gathering, addresses: Iterable[Target], gap: str) -> None:
    """No flow logs at all is an answer; flow logs that could not be read are not."""
    for address in addresses:
        for name in FACTS:
            if gap:
                gathering.failed(name, address, gap)
            else:
                gathering.absent(name, address, "no_flow_logs")


def _tell(gathering: Gathering, address: Target, flows: Flows, logs: Logs, question: Question) -> None:
    """Counts from every log group that can be asked; a part of the traffic that none keeps is absent, not zero."""
    accepts, rejects = logs.keeps("ACCEPT"), logs.keeps("REJECT")
    only = "" if accepts and rejects else "reject_only" if rejects else "accept_only"
    seen = flows.accepted + flows.rejected > 0
    late = not seen and (question.finding.last_seen or question.now) > question.now - LAG
    for name, value, missing in (
        ("address.flows_accepted", flows.accepted, "" if accepts else only),
        ("address.bytes_out", flows.bytes_out, "" if accepts else only),
        ("address.flows_rejected", flows.rejected, "" if rejects else only),
    ):
        _put(gathering, name, address, value, logs.gap, late, missing)
    if seen:
        gathering.known("address.seen_in_vpc", address, True)
    else:
        _put(gathering, "address.seen_in_vpc", address, False, logs.gap, late, only)


def _put(
    gathering: Gathering, name: str, address: Target, value: bool | int, gap: str, late: bool, missing: str
) -> None:
    if gap:
        gathering.failed(name, address, gap)
    elif missing:
        gathering.absent(name, address, missing)
    elif late:
        gathering.not_yet(name, address, "flow_log_lag")
    else:
        gathering.known(name, address, value)
