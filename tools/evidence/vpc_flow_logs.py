"""VPC Flow Logs in CloudWatch Logs, through Logs Insights: whether the finding's addresses really spoke with anything of ours."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.addresses import Address
from agent.evidence import Answered
from agent.finding import Finding
from agent.target import GLOBAL
from tools import flow_logs, log_query
from tools.aws import Aws
from tools.flow_logs import DEFAULT_FORMAT, FACTS, Flows, Kept, Logs
from tools.gathering import Gathering, attempt, home
from tools.source import Question, SourceSpec
from tools.window import Window

SPEC = SourceSpec(
    name="vpc_flow_logs",
    tells="Whether the remote addresses spoke with our networks, how much left for them, and in what beat.",
    facts=FACTS,
    deadline_seconds=60,
    byte_cap=50_000_000_000,
    attacker_writes=(),
)

CALLS = log_query.CALLS | flow_logs.CALLS

GROUPS = 50
"""As many log groups as one query takes."""
_DISCOVERED = {
    "src": "srcAddr", "dst": "dstAddr", "srcport": "srcPort", "dstport": "dstPort", "octets": "bytes", "action": "action",
    "interface": "interfaceId", "start": "start", "end": "end",
}  # fmt: skip
"""Insights finds the fields of the default format by itself."""
_FIELD = re.compile(r"\$\{([a-z][a-z0-9-]{0,40})\}")


@dataclass
class Asked(Logs):
    """The log groups that can be asked, by the format of what is in them."""

    groups: dict[str, str] = field(default_factory=dict)
    """Log group to format."""

    def formats(self) -> dict[str, list[str]]:
        """Format to log groups: what one query can read."""
        found: dict[str, list[str]] = {}
        for group, text in sorted(self.groups.items()):
            found.setdefault(text, []).append(group)
        return found


def wanted(finding: Finding) -> bool:
    """Only where the finding names somebody on the other side."""
    return bool(finding.remote_addresses)


def gather(aws: Aws, question: Question) -> Answered:
    """One query for all addresses and each format, over the log groups of the finding's Region, and one more for beats."""
    gathering = Gathering(SPEC, question.now)
    finding = question.finding
    addresses = list(dict.fromkeys(finding.remote_addresses))
    for address in addresses:
        gathering.want(address, FACTS)
    aws = aws.at(home(aws.partition) if finding.region == GLOBAL else finding.region)
    tables = question.registry.athena
    by_athena = tables is not None and tables.flow_logs is not None
    logs = attempt(lambda: _asked(flow_logs.described(gathering, aws), by_athena))
    hosts = {address: one for address in addresses if (one := flow_logs.host(address)) is not None}
    if logs.value is None or not logs.value.groups:
        gap = logs.gap or (logs.value.gap if logs.value else "")
        missing = "kept_in_s3" if logs.value and logs.value.traffic else "no_flow_logs"
        flow_logs.tell_none(gathering, addresses, gap, missing)
        return gathering.answered()
    asked = logs.value
    flows = attempt(lambda: _flows(gathering, aws, asked, list(hosts.values()), question) if hosts else {})
    own = flow_logs.own_interfaces(gathering, aws, finding)
    for address in addresses:
        if flows.value is None or address not in hosts:
            flow_logs.tell_none(gathering, [address], flows.gap or "not_a_single_address", "")
        else:
            flow_logs.tell(gathering, address, flows.value[str(hosts[address])], asked, own, question)
    return gathering.answered()


def _asked(described: list[Kept], by_athena: bool) -> Asked:
    """The log groups to ask. What lies in S3 is no gap where Athena reads it."""
    asked = Asked()
    elsewhere = Asked()
    for kept in described:
        if not kept.group:
            if by_athena and kept.to == "s3":
                elsewhere.add(kept)
            else:
                asked.gap = asked.gap or "not_in_cloudwatch"
        elif flow_logs.lacks(_roles(kept.format)):
            asked.gap = asked.gap or "field_missing"
        elif asked.groups.get(kept.group, kept.format) != kept.format:
            asked.gap = asked.gap or "mixed_formats"
        elif kept.group not in asked.groups and len(asked.groups) == GROUPS:
            asked.gap = asked.gap or "too_many_log_groups"
        else:
            asked.groups[kept.group] = kept.format
            asked.add(kept)
    return asked if asked.groups or asked.gap else elsewhere


def _fields(text: str) -> list[str]:
    """The fields of a format, in order; none if it is not only fields with a blank between them."""
    words = text.split(" ")
    found = [_FIELD.fullmatch(word) for word in words]
    return [match[1] for match in found if match is not None] if all(found) else []


def _roles(text: str) -> dict[str, str]:
    """Role to the name that the query has for it."""
    if text == DEFAULT_FORMAT:
        return _DISCOVERED
    return {role: f"f_{name.replace('-', '_')}" for role, name in flow_logs.roles(_fields(text)).items()}


def _parsing(text: str, known: dict[str, str]) -> str:
    """The command that gives each field of a custom format its name, up to the last that is needed."""
    if text == DEFAULT_FORMAT:
        return ""
    names = [f"f_{name.replace('-', '_')}" for name in _fields(text)]
    last = max(names.index(name) for name in known.values())
    rest = ["f_rest"] if last + 1 < len(names) else []
    names = names[: last + 1] + rest
    return f'parse @message "{" ".join("*" for _ in names)}" as {", ".join(names)} | '


def _about(known: dict[str, str], hosts: Iterable[str]) -> str:
    listed = ", ".join(f'"{host}"' for host in sorted(set(hosts)))
    return f"({known['src']} in [{listed}] or {known['dst']} in [{listed}])"


def _totals(text: str, hosts: Iterable[str]) -> str:
    known = _roles(text)
    by = [known["src"], known["dst"], known["action"]] + ([known["interface"]] if "interface" in known else [])
    ported = {"srcport", "dstport"} <= set(known)
    return (
        f"{_parsing(text, known)}filter {_about(known, hosts)}"
        + (f" | fields least({known['srcport']}, {known['dstport']}) as port" if ported else "")
        + f" | stats count(*) as flows, sum({known['octets']}) as octets by {', '.join(by)}{', port' if ported else ''}"
        + f" | limit {log_query.ROWS}"
    )


def _times(text: str, hosts: Iterable[str]) -> str:
    known = _roles(text)
    return (
        f'{_parsing(text, known)}filter {_about(known, hosts)} and {known["action"]} = "ACCEPT"'
        f" | stats max({known['end']}) as ended by {known['src']}, {known['dst']}, {known['start']}"
        f" | limit {log_query.ROWS}"
    )


def _flows(gathering: Gathering, aws: Aws, asked: Asked, hosts: list[Address], question: Question) -> dict[str, Flows]:
    """Flows by address. Raises AwsError where the answer is not there, or not all of it."""
    found = {str(host): Flows() for host in hosts}
    for text, groups in asked.formats().items():
        known = _roles(text)
        for row in _rows(gathering, aws, groups, _totals(text, found), question, known):
            flow_logs.add(found, row, known)
    flow_logs.listen(found, lambda many: _spans(gathering, aws, asked, many, question), asked.window)
    return found


def _spans(
    gathering: Gathering, aws: Aws, asked: Asked, many: list[str], question: Question
) -> list[dict[str, str]] | None:
    rows: list[dict[str, str]] = []
    for text, groups in asked.formats().items():
        known = _roles(text)
        if not {"start", "end"} <= set(known):
            return None
        rows += _rows(gathering, aws, groups, _times(text, many), question, known)
    return rows


def _rows(
    gathering: Gathering, aws: Aws, groups: list[str], text: str, question: Question, known: dict[str, str]
) -> list[dict[str, str]]:
    """Rows by role: `start` and `end` of one flow are called `began` and `ended`."""
    found = log_query.run(gathering, aws, groups, Window.of(question), text, SPEC.byte_cap)
    called = {name: "began" if role == "start" else role for role, name in known.items()}
    return [{called.get(name, name): value for name, value in row.items()} for row in found]
