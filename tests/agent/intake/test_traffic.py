"""What a finding says of its traffic is read the same from every shape, and only web requests name whom to block."""

import pytest

from agent.finding import Traffic
from agent.intake.node import Node
from agent.intake.traffic import asff_flows, guardduty_flows, ocsf_flows, traffic_of, web_addresses

EXAMPLES = {
    "guardduty_c2": ("outbound", 41822, 443, "tcp", False),
    "guardduty_c2_dns": ("outbound", None, None, "udp", False),
    "guardduty_ssh_actor": ("outbound", 48122, 22, "tcp", False),
    "guardduty_ssh_target": ("inbound", 22, 51544, "tcp", False),
    "guardduty_port_probe": ("inbound", 22, None, "tcp", False),
    "guardduty_port_probe_web": ("inbound", 443, None, "tcp", True),
    "guardduty_web_attack": ("inbound", 443, 50312, "tcp", True),
    "guardduty_web_attack_asff": ("inbound", 443, 50312, "tcp", True),
    "guardduty_mining_spot": ("outbound", 39110, 3333, "tcp", False),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_about_this_traffic(name, example, read):
    [finding] = read(example(name))
    found = finding.traffic
    assert (found.direction, found.local_port, found.remote_port, found.protocol, found.web) == EXAMPLES[name]


API_CALLS = ["guardduty_credential_abuse", "guardduty_credential_abuse_asff", "guardduty_credential_abuse_ocsf"]


@pytest.mark.parametrize("name", [*API_CALLS, "guardduty_s3_exfiltration", "guardduty_kubernetes", "macie_policy"])
def test_an_address_seen_on_a_call_of_an_api_is_no_traffic_and_nobody_to_block(name, example, read):
    [finding] = read(example(name))
    assert finding.traffic is None
    assert "address" not in {target.kind for target in finding.targets}


def test_a_name_that_was_looked_up_has_no_address_behind_it(example, read):
    [finding] = read(example("guardduty_c2_dns"))
    assert finding.remote_addresses == []


def test_who_only_probed_another_port_is_no_target(example, read):
    [finding] = read(example("guardduty_port_probe_web"))
    assert [item.id for item in finding.remote_addresses] == [
        "192.0.2.210/32",
        "192.0.2.211/32",
        "2001:db8:77::9/128",
    ]
    assert "192.0.2.210/32" not in {target.id for target in finding.targets}


def test_the_same_request_going_out_names_nobody_to_block(example, read):
    event = example("guardduty_web_attack")
    event["detail"]["service"]["action"]["networkConnectionAction"]["connectionDirection"] = "OUTBOUND"
    [finding] = read(event)
    assert (finding.situation, finding.traffic.web) == ("instance_compromise", False)
    assert "address" not in {target.kind for target in finding.targets}


def test_an_ipv4_address_in_the_clothes_of_ipv6_is_the_ipv4_address(example, read):
    event = example("guardduty_web_attack")
    connection = event["detail"]["service"]["action"]["networkConnectionAction"]
    connection["remoteIpDetails"] = {"ipAddressV6": "::ffff:192.0.2.66"}
    assert read(event) == read(example("guardduty_web_attack"))


@pytest.mark.parametrize(("port", "web"), [(80, True), (8080, True), (8443, True), (22, False), (None, False)])
def test_inbound_on_a_web_port_is_a_web_request(port, web):
    action = {"networkConnectionAction": {"connectionDirection": "INBOUND", "localPortDetails": {"port": port}}}
    [flow] = guardduty_flows(Node(action))
    assert flow.traffic.web is web


def test_a_dump_in_snake_case_and_an_answer_of_the_api_say_the_same():
    snake = {"network_connection_action": {"connection_direction": "INBOUND", "local_port_details": {"port": 443}}}
    api = {"NetworkConnectionAction": {"ConnectionDirection": "INBOUND", "LocalPortDetails": {"Port": 443}}}
    assert guardduty_flows(Node(snake)) == guardduty_flows(Node(api))


@pytest.mark.parametrize("port", [-1, 65536, True, "443x", "1e3", [], {}, 80.5, "999999"])
def test_what_is_no_port_is_none(port):
    [flow] = guardduty_flows(Node({"networkConnectionAction": {"localPortDetails": {"port": port}}}))
    assert flow.traffic == Traffic()


PREFIX = "aws/guardduty/service/action/portProbeAction/portProbeDetails"
ASFF = [
    (
        {
            "ProductFields": {
                f"{PREFIX}.10_/localPortDetails/port": "22",
                f"{PREFIX}.10_/remoteIpDetails/ipAddressV4": "192.0.2.3",
                f"{PREFIX}.2_/localPortDetails/port": "443",
                f"{PREFIX}.2_/remoteIpDetails/ipAddressV4": "192.0.2.2",
            }
        },
        ("inbound", 443, True),
        ["192.0.2.2"],
    ),
    (
        {
            "Action": {
                "ActionType": "PORT_PROBE",
                "PortProbeAction": {
                    "PortProbeDetails": [
                        {"LocalPortDetails": {"Port": 80}, "RemoteIpDetails": {"IpAddressV4": "192.0.2.4"}}
                    ]
                },
            }
        },
        ("inbound", 80, True),
        ["192.0.2.4"],
    ),
    (
        {"Network": {"Direction": "IN", "Protocol": "HTTP", "DestinationPort": 8000, "SourceIpV4": "192.0.2.5"}},
        ("inbound", 8000, True),
        ["192.0.2.5"],
    ),
    (
        {"Network": {"Direction": "OUT", "Protocol": "TCP", "SourcePort": 443, "DestinationIpV4": "192.0.2.6"}},
        ("outbound", 443, False),
        [],
    ),
    (
        {
            "NetworkPath": [
                {"Ingress": {"Protocol": "TCP", "Destination": {"PortRanges": [{"Begin": 443, "End": 443}]}}}
            ]
        },
        ("inbound", 443, True),
        [],
    ),
]


@pytest.mark.parametrize(("finding", "expected", "addresses"), ASFF)
def test_security_hub_writes_traffic_in_four_places(finding, expected, addresses):
    flows = asff_flows(Node(finding), of_guardduty=True)
    found = traffic_of(flows)
    assert (found.direction, found.local_port, found.web) == expected
    assert web_addresses(flows) == addresses


def test_a_way_that_another_service_found_open_is_no_traffic():
    [*_, (path, _, _)] = ASFF
    assert asff_flows(Node(path), of_guardduty=False) == []


WEB = {"localPortDetails": {"port": 443}, "remoteIpDetails": {"ipAddressV4": "192.0.2.7"}}
DESKTOP = {"localPortDetails": {"port": 3389}, "remoteIpDetails": {"ipAddressV4": "192.0.2.8"}}
INGRESS = {"Protocol": "TCP", "Destination": {"PortRanges": [{"Begin": 443, "End": 443}, {"Begin": 22, "End": 22}]}}


@pytest.mark.parametrize(
    ("flows", "only_web"),
    [
        (guardduty_flows(Node({"portProbeAction": {"portProbeDetails": [WEB, WEB]}})), True),
        (guardduty_flows(Node({"portProbeAction": {"portProbeDetails": [WEB, DESKTOP]}})), False),
        (guardduty_flows(Node({"portProbeAction": {"portProbeDetails": [DESKTOP]}})), False),
        (asff_flows(Node({"NetworkPath": [{"Ingress": INGRESS}]}), of_guardduty=True), False),
    ],
)
def test_one_port_that_is_not_the_web_s_is_not_hidden_by_others(flows, only_web):
    assert traffic_of(flows).only_web == only_web


HOSTILE = [
    {"aws/guardduty/service/action/" + "/".join("a" * 50): "x"},
    {"action/networkConnectionAction": "x", "action/networkConnectionAction/protocol": "TCP"},
    {"action/portProbeAction/portProbeDetails.0_": "x", "action/portProbeAction/portProbeDetails": "y"},
    {"action/": "x", "action//": 1, "action/networkConnectionAction/localPortDetails": None},
]


@pytest.mark.parametrize("fields", HOSTILE)
def test_fields_that_contradict_each_other_are_no_traffic(fields):
    assert traffic_of(asff_flows(Node({"ProductFields": fields}), of_guardduty=True)) in (None, Traffic())


OCSF = [
    ({"direction": "Inbound", "protocol_name": "TCP"}, "x", ("inbound", 443, "tcp", True), ["192.0.2.7"]),
    ({"direction_id": 1}, "x", ("inbound", 443, "", True), ["192.0.2.7"]),
    ({"direction_id": 2, "direction": "Inbound"}, "x", ("outbound", 50000, "", False), []),
    ({"direction_id": 99}, "x", ("unknown", 443, "", False), []),
    ({"direction_id": 0}, "Recon:EC2/PortProbeUnprotectedPort", ("inbound", 443, "", True), ["192.0.2.7"]),
]


@pytest.mark.parametrize(("info", "finding_type", "expected", "addresses"), OCSF)
def test_ocsf_evidence_says_the_direction_by_word_or_by_number(info, finding_type, expected, addresses):
    item = {
        "connection_info": info,
        "src_endpoint": {"ip": "192.0.2.7", "port": 50000},
        "dst_endpoint": {"ip": "10.0.0.4", "port": 443},
    }
    flows = ocsf_flows([Node(item)], finding_type)
    found = traffic_of(flows)
    assert (found.direction, found.local_port, found.protocol, found.web) == expected
    assert web_addresses(flows) == addresses


def test_ocsf_evidence_of_a_query_went_out_and_of_an_api_call_is_none():
    [query] = ocsf_flows([Node({"query": {"hostname": "c2.example.net"}})], "Backdoor:EC2/C&CActivity.B!DNS")
    assert query.traffic.direction == "outbound"
    assert ocsf_flows([Node({"api": {"operation": "ListUsers"}, "connection_info": {"direction_id": 1}})], "x") == []


PROBE = "aws/guardduty/service/action/portProbeAction/portProbeDetails.0_/"
KNOCKED = {
    f"{PROBE}localPortDetails/port": "443", f"{PROBE}remoteIpDetails/ipAddressV4": "198.51.100.7",
}  # fmt: skip


def knocks(*ports):
    details = [
        {"LocalPortDetails": {"Port": port}, "RemoteIpDetails": {"IpAddressV4": "198.51.100.7"}} for port in ports
    ]
    return {"ActionType": "PORT_PROBE", "PortProbeAction": {"PortProbeDetails": details}}


@pytest.mark.parametrize(
    ("fields", "action", "only_web"),
    [
        (KNOCKED, None, True),
        (KNOCKED, knocks(443), True),
        (KNOCKED, knocks(443, 22), False),
        (KNOCKED | {f"x{n}": "y" for n in range(48)}, knocks(443), None),
        (KNOCKED | {f"x{n}": "y" for n in range(47)}, knocks(443), True),
        (KNOCKED | {f"x{n}": "y" for n in range(48)}, knocks(443, 22), False),
    ],
    ids=["fields", "both", "only the action says", "no room for more", "room", "no room, and another"],
)
def test_a_port_that_only_one_of_both_lists_names_is_seen_and_one_that_had_no_room_is_not_ruled_out(
    fields, action, only_web
):
    flows = asff_flows(Node({"ProductFields": fields, "Action": action}), of_guardduty=True)
    assert traffic_of(flows).only_web is only_web
    assert set(web_addresses(flows)) == {"198.51.100.7"}
