"""What ASFF and OCSF have in common: whose product it is, the native key, and the native type."""

import re

from agent.finding import Origin
from agent.intake.naming import Naming, type_key
from agent.intake.node import Node, quote
from agent.intake.place import Arn, Place
from agent.intake.subject import Machine, Principal, Subject, name_principal
from agent.record import Record
from agent.target import TargetKind

AWS_PRODUCT = re.compile(r"arn:aws(?:-[a-z]+)*:securityhub:[a-z0-9-]+::product(?:v2)?/aws/([a-z0-9-]+)")
"""A product of AWS itself. Only Security Hub can import under it: there is no account id in it."""

_ORIGINS = {
    "access-analyzer": Origin.ACCESS_ANALYZER,
    "config": Origin.CONFIG,
    "guardduty": Origin.GUARDDUTY,
    "health": Origin.HEALTH,
    "inspector": Origin.INSPECTOR,
    "macie": Origin.MACIE,
    "securityhub": Origin.SECURITY_HUB,
    "securityhub-risk": Origin.SECURITY_HUB,
}
_SERVICES = {
    Origin.ACCESS_ANALYZER: "access-analyzer",
    Origin.CONFIG: "config",
    Origin.GUARDDUTY: "guardduty",
    Origin.HEALTH: "health",
    Origin.INSPECTOR: "inspector2",
    Origin.SECURITY_HUB: "securityhub",
}
_INSPECTOR_TYPES = {"CVE": "PACKAGE_VULNERABILITY", "Network Reachability": "NETWORK_REACHABILITY"}


class SeenResource(Record):
    """One resource of a Security Hub finding."""

    type: str | None
    ids: list[str]
    region: str | None
    where: str
    owner: str | None = None
    """The account that is said to own it."""
    elsewhere: bool = False
    """Of another partition or provider: never a target."""
    key: Principal | None = None
    interfaces: list[str] = []


def origin_of(product: Node) -> Origin:
    """The service behind a product ARN; everybody else's product is third party."""
    found = AWS_PRODUCT.fullmatch(product.text or "")
    if found is None:
        return Origin.THIRD_PARTY
    if found[1] not in _ORIGINS:
        raise product.unsupported(f"an AWS product that we do not know: {quote(found[1])}")
    return _ORIGINS[found[1]]


def key_of(origin: Origin, product: str, finding_id: Node, place: Place) -> str:
    """The native ARN if the service itself says so. Others get their product in front: they cannot pose as it."""
    text = finding_id.needed()
    if origin is Origin.MACIE:
        return macie_key(place, text)
    arn = Arn.parse(text)
    if arn and origin in _SERVICES and arn.service == _SERVICES[origin]:
        return text
    return f"{product}/{text}"


def macie_key(place: Place, finding_id: str) -> str:
    """Macie gives its findings no ARN: service, account, Region and id name one."""
    return f"macie:{place.account}:{place.region}:{finding_id.rsplit('/', 1)[-1]}"


def native_type(origin: Origin, types: list[str]) -> str | None:
    """The service's own type out of a taxonomy path: `TTPs/Discovery/Recon:IAMUser-X` is `Recon:IAMUser/X`."""
    if origin is Origin.INSPECTOR:
        return next(
            (_INSPECTOR_TYPES[tail] for text in types if (tail := text.split("/")[-1]) in _INSPECTOR_TYPES), None
        )
    for text in types:
        # The native name is the part with the colon; its own slash may have become a dash.
        found = re.search(r"(?:^|/)([A-Za-z]+:[A-Za-z0-9]+)[-/]([A-Za-z0-9.!&-]+)$", text)
        if found:
            return f"{found[1]}/{found[2]}"
    return None


def name_resources(naming: Naming, resources: list[SeenResource]) -> None:
    """Each resource that a kind covers becomes a target, in the finding's order."""
    for seen in resources:
        first = seen.ids[0] if seen.ids else None
        if seen.elsewhere:
            naming.name(first)
        elif seen.owner and naming.is_foreign(first, seen.where, seen.owner):
            continue
        elif type_key(seen.type) == "awsiamaccesskey" and seen.key:
            name_principal(naming, seen.key)
        elif not naming.add_resource(seen.type, seen.ids, seen.region, seen.where):
            for text in seen.ids[1:]:
                naming.name(text)


def subject_of(naming: Naming, resources: list[SeenResource], trails: list[str]) -> Subject:
    """The same subject that the native finding would give, from Security Hub's resources."""
    found: dict[TargetKind, list[str]] = {kind: [] for kind in TargetKind}
    machines, clusters, others, principals = [], [], [], []
    for seen in resources:
        key, scratch = type_key(seen.type), Naming(naming.place)
        if seen.elsewhere or not seen.ids:
            others += seen.ids[:1]
        elif any(naming.is_foreign(text, seen.where, seen.owner) for text in seen.ids):
            continue
        elif key == "awsiamaccesskey" and seen.key:
            principals.append(seen.key)
        elif key in ("awsekscluster", "awseksclusterdetails"):
            clusters.append(seen.ids[0].rsplit("/", 1)[-1])
        elif not scratch.add_resource(seen.type, seen.ids, seen.region, seen.where):
            others.append(seen.ids[0])
            naming.left_out += scratch.left_out
        elif scratch.targets[0].kind is TargetKind.INSTANCE:
            machines.append(Machine(id=scratch.targets[0].id, interfaces=seen.interfaces))
        else:
            found[scratch.targets[0].kind].append(scratch.targets[0].id)
    return Subject(
        principals=principals,
        buckets=found[TargetKind.BUCKET],
        machines=machines,
        databases=found[TargetKind.DATABASE],
        clusters=clusters,
        functions=found[TargetKind.FUNCTION],
        trails=[*found[TargetKind.TRAIL], *trails],
        interfaces=found[TargetKind.INTERFACE],
        snapshots=found[TargetKind.SNAPSHOT],
        images=found[TargetKind.IMAGE],
        others=others,
    )
