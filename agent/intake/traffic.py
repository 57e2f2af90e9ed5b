"""The traffic that a finding is about: which way it went, on which ports, and whether it was a web request."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import JsonValue

from agent.finding import Traffic
from agent.intake.node import Node
from agent.record import Record

WEB_PORTS = frozenset({80, 443, 8080, 8443})
_WEB_PROTOCOLS = frozenset({"HTTP", "HTTPS"})

Direction = Literal["inbound", "outbound", "unknown"]
_DIRECTIONS: dict[str, Direction] = {"IN": "inbound", "INBOUND": "inbound", "OUT": "outbound", "OUTBOUND": "outbound"}
_ACTION_FIELD = re.compile(r"(?:aws/guardduty/service/)?action/(.+)")
_INDEXED = re.compile(r"(.+)\.(\d{1,3})_")
_DEPTH = 8
FIELDS = 50
"""So many `ProductFields` an ASFF finding has room for: where it has as many, others may have been left out."""


class Flow(Record):
    """One connection or probe, with who was on the other side."""

    traffic: Traffic
    addresses: list[str] = []
    more: bool = False
    """There may be others, that the finding had no room for."""


def guardduty_flows(action: Node) -> list[Flow]:
    """The flows of GuardDuty's `action`, in the casing of any road. Calls of an API are no traffic of ours."""
    connection = action.loose("networkConnectionAction")
    if isinstance(connection.value, dict):
        return [_connection(connection)]
    probes = _probes(action)
    if probes:
        return probes
    query = action.loose("dnsRequestAction")
    if isinstance(query.value, dict):
        return [Flow(traffic=_traffic("outbound", None, None, query.loose("protocol")))]
    return []


def _probes(action: Node) -> list[Flow]:
    return [_probe(probe) for probe in action.loose("portProbeAction", "portProbeDetails").items()]


def asff_flows(finding: Node, *, of_guardduty: bool) -> list[Flow]:
    """The flows of an ASFF finding. GuardDuty's own fields come before what Security Hub made of them.

    Of many probes neither may hold all. A `NetworkPath` of another service is a way that is open, not one that somebody went.
    """
    network = finding.at("Network")
    seen = [_network(network)] if isinstance(network.value, dict) else []
    if not of_guardduty:
        return seen
    fields = finding.at("ProductFields")
    own = guardduty_flows(Node(_unflattened(fields), fields.path))
    said = guardduty_flows(finding.at("Action"))
    if own and _probes(finding.at("Action")):
        own += [flow for flow in said if flow not in own]
    if isinstance(fields.value, dict) and len(fields.value) >= FIELDS:
        own = [flow.model_copy(update={"more": True}) for flow in own]
    return own or said or seen or _path(finding)


def _path(finding: Node) -> list[Flow]:
    for step in finding.at("NetworkPath").items():
        way = step.at("Ingress")
        if isinstance(way.value, dict):
            ranges = [*way.at("Destination", "PortRanges").items()] or [way]
            return [Flow(traffic=_traffic("inbound", _only(ports), None, way.at("Protocol"))) for ports in ranges]
    return []


def _only(ports: Node) -> int | None:
    """The port of a range that has no other."""
    return _port(ports.at("Begin")) if ports.at("Begin").value == ports.at("End").value else None


def ocsf_flows(evidences: Sequence[Node], finding_type: str) -> list[Flow]:
    """One flow for each piece of OCSF evidence that is about a connection or a DNS query."""
    probe = fnmatchcase(finding_type, "*/PortProbe*")
    return [_evidence(item, probe) for item in evidences if _is_network(item)]


def traffic_of(flows: Sequence[Flow]) -> Traffic | None:
    """What a finding is about: its first web request, else its first flow, and whether there was more than web requests."""
    web = [flow for flow in flows if flow.traffic.web]
    first = next(iter((*web, *flows)), None)
    if first is None:
        return None
    whole = None if any(flow.more for flow in flows) else True
    return first.traffic.model_copy(update={"only_web": whole if len(web) == len(flows) else False})


def web_addresses(flows: Sequence[Flow]) -> list[str]:
    """Who sent the web requests. Whoever only tried another port is not blocked by a web ACL."""
    return [address for flow in flows if flow.traffic.web for address in flow.addresses]


def _connection(connection: Node) -> Flow:
    return Flow(
        traffic=_traffic(
            _direction(connection.loose("connectionDirection")),
            _port(connection.loose("localPortDetails", "port")),
            _port(connection.loose("remotePortDetails", "port")),
            connection.loose("protocol"),
        ),
        addresses=_addresses(connection.loose("remoteIpDetails")),
    )


def _probe(probe: Node) -> Flow:
    local = _port(probe.loose("localPortDetails", "port"))
    traffic = _traffic("inbound", local, _port(probe.loose("remotePortDetails", "port")), Node("TCP"))
    return Flow(traffic=traffic, addresses=_addresses(probe.loose("remoteIpDetails")))


def _network(network: Node) -> Flow:
    direction = _direction(network.at("Direction"))
    near, far = ("Source", "Destination") if direction == "outbound" else ("Destination", "Source")
    local, remote = _port(network.at(f"{near}Port")), _port(network.at(f"{far}Port"))
    found = [network.at(f"{far}IpV4").text, network.at(f"{far}IpV6").text]
    return Flow(
        traffic=_traffic(direction, local, remote, network.at("Protocol")),
        addresses=[text for text in found if text] if direction != "unknown" else [],
    )


def _is_network(item: Node) -> bool:
    if isinstance(item.at("api").value, dict):
        return False
    return any(isinstance(item.at(name).value, dict) for name in ("connection_info", "query", "dst_endpoint"))


def _evidence(item: Node, probe: bool) -> Flow:
    info = item.at("connection_info")
    if not isinstance(info.value, dict) and isinstance(item.at("query").value, dict):
        return Flow(traffic=_traffic("outbound", None, None, Node(None)))
    by_id: dict[JsonValue, Direction] = {1: "inbound", 2: "outbound"}
    known = info.at("direction_id").value
    stated = by_id.get(known, "unknown") if isinstance(known, int) else "unknown"
    direction = _direction(info.at("direction")) if stated == "unknown" else stated
    direction = "inbound" if probe and direction == "unknown" else direction
    near, far = ("src", "dst") if direction == "outbound" else ("dst", "src")
    local, remote = _port(item.at(f"{near}_endpoint", "port")), _port(item.at(f"{far}_endpoint", "port"))
    address = item.at(f"{far}_endpoint", "ip").text
    return Flow(
        traffic=_traffic(direction, local, remote, info.at("protocol_name")),
        addresses=[address] if address else [],
    )


def _traffic(direction: Direction, local: int | None, remote: int | None, protocol: Node) -> Traffic:
    named = (protocol.text or "").upper()
    named = named if re.fullmatch(r"[A-Z0-9][A-Z0-9-]{0,15}", named, re.ASCII) else ""
    web = direction == "inbound" and (local in WEB_PORTS or named in _WEB_PROTOCOLS)
    return Traffic(direction=direction, local_port=local, remote_port=remote, protocol=named.lower(), web=web)


def _direction(node: Node) -> Direction:
    return _DIRECTIONS.get((node.text or "").upper(), "unknown")


def _addresses(remote: Node) -> list[str]:
    found = [remote.loose("ipAddressV4").text, remote.loose("ipAddressV6").text]
    return [text for text in found if text]


def _port(node: Node) -> int | None:
    """A port, which Security Hub writes as text."""
    value = node.value
    if isinstance(value, str) and re.fullmatch(r"\d{1,5}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
        return None
    return value


def _unflattened(fields: Node) -> JsonValue:
    """GuardDuty's action again, out of Security Hub's `aws/guardduty/service/action/portProbeAction/...Details.0_/...`."""
    held = fields.value if isinstance(fields.value, dict) else {}
    action: dict[str, JsonValue] = {}
    for name, value in sorted(held.items()):
        found = _ACTION_FIELD.fullmatch(name[:512])
        parts = found[1].split("/") if found else []
        if 0 < len(parts) <= _DEPTH:
            _put(action, parts, value)
    return _with_lists(action)


def _put(tree: dict[str, JsonValue], parts: list[str], value: JsonValue) -> None:
    *way, last = parts
    for part in way:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            return
        tree = below
    tree.setdefault(last, value)


def _with_lists(tree: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Names that end in an index, like `portProbeDetails.0_`, are elements of one list."""
    whole: dict[str, JsonValue] = {}
    indexed: dict[str, list[tuple[int, JsonValue]]] = {}
    for name, value in tree.items():
        inner = _with_lists(value) if isinstance(value, dict) else value
        found = _INDEXED.fullmatch(name)
        if found:
            indexed.setdefault(found[1], []).append((int(found[2]), inner))
        else:
            whole[name] = inner
    for name, elements in indexed.items():
        whole.setdefault(name, [value for _, value in sorted(elements, key=lambda element: element[0])])
    return whole
