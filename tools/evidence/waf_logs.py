"""AWS WAF's full logs, through Logs Insights: what the finding's addresses asked our web endpoints for."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from agent.addresses import Network, network
from agent.evidence import Answered
from agent.finding import Finding
from agent.target import Target, TargetKind
from tools import log_query
from tools.aws import Aws, AwsCall, Phase
from tools.gathering import Gathering, about, attempt, regional
from tools.source import Question, SourceSpec
from tools.window import Window

FACTS = ("address.web_requests", "address.web_blocked", "address.web_attacks", "address.web_hosts", "address.proxied")

SPEC = SourceSpec(
    name="waf_logs",
    tells="How often an address asked our web endpoints for something, and whether it is a proxy that others sit behind.",
    facts=FACTS,
    deadline_seconds=60,
    byte_cap=50_000_000_000,
    attacker_writes=("host names", "header names"),
)

LOGGING = AwsCall("wafv2", "ListLoggingConfigurations", "wafv2:ListLoggingConfigurations", "*", frozenset({Phase.READ}))
CALLS = log_query.CALLS | {LOGGING}

PREFIX = "aws-waf-logs-"
"""AWS WAF delivers to log groups of such names only."""
GROUPS = 50
"""As many log groups as one query takes."""
LAG = timedelta(minutes=10)
"""AWS WAF delivers within minutes."""
_REFUSED = frozenset({"BLOCK", "CAPTCHA", "CHALLENGE"})
_PROXY_HEADERS = (
    "x-forwarded-for", "via", "forwarded", "true-client-ip", "cf-connecting-ip", "fastly-client-ip", "x-real-ip",
)  # fmt: skip
"""What CDNs and proxies add. A sender may add them too: then we only hold back from blocking him unattended."""


@dataclass
class Logs:
    """Log groups by Region, and why some requests are not in any."""

    groups: dict[str, list[str]] = field(default_factory=dict)
    gap: str = ""


@dataclass
class Requests:
    """What one address did."""

    all: int = 0
    blocked: int = 0
    attacks: int = 0
    hosts: int = 0
    proxied: bool = False


def wanted(finding: Finding) -> bool:
    """Only where an address sent web requests. One that was seen on a call of an API is none of a web ACL's business."""
    return bool(about(finding, TargetKind.ADDRESS)) and finding.traffic is not None and finding.traffic.web


def gather(aws: Aws, question: Question) -> Answered:
    """Two queries for all addresses: what was done with their requests, and how many hosts they asked for."""
    gathering = Gathering(SPEC, question.now)
    addresses = about(question.finding, TargetKind.ADDRESS)
    for address in addresses:
        gathering.want(address, FACTS)
    here = aws.at(regional(addresses[0]))
    logs = attempt(lambda: _logs(gathering, here))
    if logs.value is None or not logs.value.groups:
        _tell_none(gathering, addresses, logs.gap or (logs.value.gap if logs.value else ""))
        return gathering.answered()
    kept = logs.value
    found = attempt(lambda: _requests(gathering, here, kept, addresses, question))
    if found.value is None:
        _tell_none(gathering, addresses, found.gap)
        return gathering.answered()
    late = (question.finding.last_seen or question.now) > question.now - LAG
    for address in addresses:
        _tell(gathering, address, found.value[address.key], kept.gap, late=late)
    return gathering.answered()


def _logs(gathering: Gathering, aws: Aws) -> Logs:
    """Where the web ACLs of the Region, and those of CloudFront, log to."""
    logs = Logs()
    scopes = [("REGIONAL", aws.region)] + ([("CLOUDFRONT", "us-east-1")] if aws.partition == "aws" else [])
    for scope, region in scopes:
        for one in gathering.all(aws.at(region), LOGGING, "LoggingConfigurations", Scope=scope):
            groups = logs.groups.setdefault(region, [])
            names = [name for arn in one.get("LogDestinationConfigs", []) if (name := _group(str(arn)))]
            if not names:
                logs.gap = logs.gap or "not_in_cloudwatch"
            if one.get("LoggingFilter"):
                logs.gap = logs.gap or "filtered"
            groups += [name for name in names if name not in groups]
            if len(groups) > GROUPS:
                logs.gap, groups[GROUPS:] = logs.gap or "too_many_log_groups", []
    logs.groups = {region: groups for region, groups in logs.groups.items() if groups}
    return logs


def _group(arn: str) -> str | None:
    """The log group of a destination; none for S3 and Firehose."""
    name = arn.partition(":log-group:")[2].partition(":")[0]
    return name if name.startswith(PREFIX) else None


def _requests(
    gathering: Gathering, aws: Aws, logs: Logs, addresses: list[Target], question: Question
) -> dict[str, Requests]:
    """By the address's key. Raises AwsError where the answer is not there, or not all of it."""
    found = {address.key: Requests() for address in addresses}
    networks = {address.key: network(address.id) for address in addresses}
    window = Window.of(question)
    for region, groups in sorted(logs.groups.items()):
        here = aws.at(region)
        for row in log_query.run(gathering, here, groups, window, _actions(networks.values()), SPEC.byte_cap):
            for key in _senders(row, networks):
                _add(found[key], row)
        for row in log_query.run(gathering, here, groups, window, _hosts(networks.values()), SPEC.byte_cap):
            for key in _senders(row, networks):
                found[key].hosts = max(found[key].hosts, _count(row, "hosts"))
    return found


def _from(networks: Iterable[Network]) -> str:
    """A filter for the senders; networks are written anew, so that nothing else can be in it."""
    listed = sorted(set(networks), key=str)
    tests = [f'isIpv{each.version}InSubnet(httpRequest.clientIp, "{each}")' for each in listed]
    return f"filter {' or '.join(tests)}"


def _actions(networks: Iterable[Network]) -> str:
    """Requests by sender and by what the rules did. Only what code or our own rules name is grouped by."""
    headers = "|".join(_PROXY_HEADERS)
    return (
        f"{_from(networks)}"
        r' | parse @message /"nonTerminatingMatchingRules":\s*\[\s*(?<counted>\{)/'
        rf' | parse @message /(?i)"name":\s*"(?<proxy>{headers})"/'
        " | stats count(*) as requests by httpRequest.clientIp, action, terminatingRuleId, counted, proxy"
        f" | limit {log_query.ROWS}"
    )


def _hosts(networks: Iterable[Network]) -> str:
    return (
        f"{_from(networks)}"
        r' | parse @message /(?i)"name":\s*"host",\s*"value":\s*"(?<host>[^"]{1,253})"/'
        " | stats count_distinct(host) as hosts by httpRequest.clientIp"
        f" | limit {log_query.ROWS}"
    )


def _senders(row: dict[str, str], networks: dict[str, Network]) -> list[str]:
    """The addresses that a row is about. One that is no address is about none."""
    try:
        sender = ipaddress.ip_address(row.get("httpRequest.clientIp", ""))
    except ValueError:
        return []
    return [key for key, each in networks.items() if sender.version == each.version and sender in each]


def _count(row: dict[str, str], name: str) -> int:
    return int(float(row.get(name) or 0))


def _add(requests: Requests, row: dict[str, str]) -> None:
    count, action = _count(row, "requests"), row.get("action", "")
    refused = action in _REFUSED and row.get("terminatingRuleId") != "Default_Action"
    requests.all += count
    requests.blocked += count if action == "BLOCK" else 0
    requests.attacks += count if refused or row.get("counted") else 0
    requests.proxied = requests.proxied or bool(row.get("proxy"))


def _tell_none(gathering: Gathering, addresses: Iterable[Target], gap: str) -> None:
    """No full logs at all is an answer; logs that could not be read are not."""
    for address in addresses:
        for name in FACTS:
            if gap:
                gathering.failed(name, address, gap)
            else:
                gathering.absent(name, address, "no_waf_logs")


def _tell(gathering: Gathering, address: Target, requests: Requests, gap: str, *, late: bool) -> None:
    """Counts only where every request is logged; a proxy that was seen is one, whatever else is missing."""
    told: list[tuple[str, bool | int]] = [
        ("address.web_requests", requests.all),
        ("address.web_blocked", requests.blocked),
        ("address.web_attacks", requests.attacks),
        ("address.web_hosts", requests.hosts),
        ("address.proxied", requests.proxied),
    ]
    for name, value in told:
        if gap and value is not True:
            gathering.failed(name, address, gap)
        elif late and requests.all == 0:
            gathering.not_yet(name, address, "waf_log_lag")
        elif name == "address.proxied" and requests.all == 0:
            gathering.absent(name, address, "no_requests")
        else:
            gathering.known(name, address, value)
