"""Our own addresses, in every account that we serve, and the block lists: whom a block would hit, and whether it would do anything."""

from functools import partial
from typing import Any

from agent.addresses import Network, network, overlap
from agent.evidence import Answered
from agent.finding import Finding
from agent.target import Target, TargetKind
from tools import regions, web_acls
from tools.aws import Aws, AwsCall, Phase
from tools.gathering import Gathering, Read, about, attempt, home, regional
from tools.source import Question, SourceSpec

_READ = frozenset({Phase.READ})
FACTS = ("address.own", "address.block_sets", "address.blocked", "address.set_in_use")

SPEC = SourceSpec(
    name="own_addresses",
    tells="Whether an address is one of our own, and whether blocking it in AWS WAF would block anything.",
    facts=FACTS,
    deadline_seconds=60,
    byte_cap=50_000_000,
    attacker_writes=(),
)

ADDRESSES = AwsCall("ec2", "DescribeAddresses", "ec2:DescribeAddresses", "*", _READ)
GATEWAYS = AwsCall("ec2", "DescribeNatGateways", "ec2:DescribeNatGateways", "*", _READ)
INTERFACES = AwsCall("ec2", "DescribeNetworkInterfaces", "ec2:DescribeNetworkInterfaces", "*", _READ)
CALLS = web_acls.READ_CALLS | {ADDRESSES, GATEWAYS, INTERFACES, regions.REGIONS}


def wanted(finding: Finding) -> bool:
    """Only where an address is something that could be acted on."""
    return bool(about(finding, TargetKind.ADDRESS))


def gather(aws: Aws, question: Question) -> Answered:
    """Our addresses in every account and Region that we serve, once for all; the sets for each IP version once."""
    gathering = Gathering(SPEC, question.now)
    addresses = about(question.finding, TargetKind.ADDRESS)
    for address in addresses:
        gathering.want(address, FACTS)
    served = [aws.account, *sorted(question.registry.accounts.keys() - {aws.account})]
    ours = [_of_account(gathering, aws.of(account), question) for account in served]
    own = [each for read in ours for each in read.value or []]
    gap = next((read.gap for read in ours if read.gap), "")
    for address in addresses:
        hit = any(overlap(network(address.id), each) for each in own)
        gathering.holds("address.own", address, hit, gap)
    for version in (4, 6):
        _tell_sets(gathering, aws.at(regional(addresses[0])), version, addresses)
    return gathering.answered()


def _of_account(gathering: Gathering, aws: Aws, question: Question) -> Read[list[Network]]:
    """The public addresses of one account: as the registry lists them, or else as they are read, all or with a gap."""
    entry = question.registry.accounts.get(aws.account)
    if entry is not None and entry.addresses is not None:
        return Read([network(cidr) for cidr in entry.addresses])
    near = [regional(about(question.finding, TargetKind.ADDRESS)[0]), home(aws.partition)]
    used = regions.of_account(gathering, aws, question, near)
    reads = [
        attempt(partial(read, gathering, aws.at(where)))
        for where in used.value or []
        for read in (_elastic, _gateways, _interfaces)
    ]
    gap = used.gap or next((read.gap for read in reads if read.gap), "")
    return Read([each for read in reads for each in read.value or []], gap)


def _networks(values: list[Any]) -> list[Network]:
    found = []
    for value in values:
        try:
            found.append(network(str(value)))
        except ValueError:
            continue
    return found


def _elastic(gathering: Gathering, aws: Aws) -> list[Network]:
    answer: Any = gathering.call(aws, ADDRESSES)
    return _networks([one.get("PublicIp") for one in answer.get("Addresses", [])])


def _gateways(gathering: Gathering, aws: Aws) -> list[Network]:
    listed = gathering.all(aws, GATEWAYS, "NatGateways")
    return _networks([one.get("PublicIp") for gateway in listed for one in gateway.get("NatGatewayAddresses", [])])


def _interfaces(gathering: Gathering, aws: Aws) -> list[Network]:
    """Public addresses of interfaces: IPv4 by association, IPv6 always."""
    listed = gathering.all(aws, INTERFACES, "NetworkInterfaces", IncludeManagedResources=True)
    fours = [
        entry.get("Association", {}).get("PublicIp")
        for one in listed
        for entry in (one, *one.get("PrivateIpAddresses", []))
    ]
    sixes = [entry.get("Ipv6Address") for one in listed for entry in one.get("Ipv6Addresses", [])]
    return _networks([*fours, *sixes])


def _tell_sets(gathering: Gathering, aws: Aws, version: int, addresses: list[Target]) -> None:
    asked = [address for address in addresses if network(address.id).version == version]
    if not asked:
        return
    sets = gathering.counted(aws, lambda: web_acls.our_sets(aws, version))
    refs = [each.ref for each in sets.value or []]
    used = gathering.counted(aws, lambda: web_acls.uses(aws, refs))
    in_use = any(web_acls.blocking(used.value or [], ref) for ref in refs)
    for address in asked:
        blocked = bool(refs) and all(each.blocks(network(address.id)) for each in sets.value or [])
        gathering.settle("address.block_sets", address, None if sets.gap else len(refs), sets.gap)
        gathering.settle("address.blocked", address, None if sets.gap else blocked, sets.gap)
        gathering.holds("address.set_in_use", address, in_use, sets.gap or used.gap)
