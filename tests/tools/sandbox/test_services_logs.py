"""Logs Insights over flow records, asked through the API."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from engine_scene import ACCOUNT, NOW, REGION, code_of, fresh

AT = int(NOW.timestamp())
FLOWS = [
    # source, destination port, bytes, action, minutes ago
    ("198.51.100.7", 22, 100, "ACCEPT", 10),
    ("198.51.100.7", 443, 900, "ACCEPT", 20),
    ("198.51.100.7", 3389, 40, "REJECT", 30),
    ("203.0.113.5", 443, 5000, "ACCEPT", 40),
    ("2001:db8::7", 443, 60, "ACCEPT", 200),
]


def logs() -> Any:
    client = fresh().client("logs", ACCOUNT, REGION)
    client.create_log_group(logGroupName="/vpc")
    client.create_log_stream(logGroupName="/vpc", logStreamName="eni-0a1b2c3d")
    events = []
    for source, port, size, action, minutes in reversed(FLOWS):
        end = AT - 60 * minutes
        line = f"2 {ACCOUNT} eni-0a1b2c3d {source} 10.0.0.5 40000 {port} 6 1 {size} {end - 60} {end} {action} OK"
        events.append({"timestamp": end * 1000, "message": line})
    client.put_log_events(logGroupName="/vpc", logStreamName="eni-0a1b2c3d", logEvents=events)
    return client


def ask(query: str, hours: int = 24, **more: Any) -> list[dict[str, str]]:
    client = logs()
    started = client.start_query(
        logGroupName="/vpc", startTime=AT - 3600 * hours, endTime=AT, queryString=query, **more
    )
    while (answer := client.get_query_results(queryId=started["queryId"]))["status"] != "Complete":
        assert answer["status"] == "Running"
    return [{f["field"]: f["value"] for f in row if f["field"] != "@ptr"} for row in answer["results"]]


@pytest.mark.parametrize(
    ("condition", "ports"),
    [
        ("srcAddr = '198.51.100.7'", ["22", "443", "3389"]),
        ('srcAddr = "198.51.100.7" and action != "REJECT"', ["22", "443"]),
        ("dstPort = 22 or dstPort = 3389", ["22", "3389"]),
        ("bytes > 60 and bytes <= 900", ["22", "443"]),
        ("dstPort in [22, 3389]", ["22", "3389"]),
        ("dstPort not in [22, 3389] and srcAddr like '203.0'", ["443"]),
        ("srcAddr like /^2001:db8/", ["443"]),
        ("srcAddr not like /^198/ and not (srcAddr like '2001')", ["443"]),
        ("isIpv4InSubnet(srcAddr, '198.51.100.0/24') and (dstPort < 100 or action = 'REJECT')", ["22", "3389"]),
        ("ispresent(nothing)", []),
        ("nothing = 'x'", []),
    ],
)
def test_filters_keep_what_meets_them(condition: str, ports: list[str]) -> None:
    assert [row["dstPort"] for row in ask(f"fields dstPort | filter {condition}")] == ports


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (
            "stats count(*) as n, sum(bytes) as total, min(start) as since by srcAddr | sort total desc | limit 2",
            [
                {"srcAddr": "203.0.113.5", "n": "1", "total": "5000", "since": str(AT - 2460)},
                {"srcAddr": "198.51.100.7", "n": "3", "total": "1040", "since": str(AT - 1860)},
            ],
        ),
        (
            "filter srcAddr = '198.51.100.7' | stats count(*) by action | sort action asc",
            [{"action": "ACCEPT", "count(*)": "2"}, {"action": "REJECT", "count(*)": "1"}],
        ),
        ("stats max(bytes), avg(bytes), count_distinct(srcAddr)", [
            {"max(bytes)": "5000", "avg(bytes)": "1220", "count_distinct(srcAddr)": "3"},
        ]),
        ("filter srcAddr = '192.0.2.1' | stats count(*)", []),
        ("stats count(*) as n by bin(1h) as hour | sort hour desc", [
            {"hour": "2026-11-20 11:00:00.000", "n": "4"}, {"hour": "2026-11-20 08:00:00.000", "n": "1"},
        ]),
        ('parse @message "* * * * *" as version, account, interface, source, rest | display source | limit 1', [
            {"source": "198.51.100.7"},
        ]),
        ("parse @message /(?<eni>eni-[0-9a-f]+)/ | stats count(*) by eni", [{"eni": "eni-0a1b2c3d", "count(*)": "5"}]),
        ("# the loudest\nfields srcAddr as who, bytes | sort bytes desc | limit 1", [{"who": "203.0.113.5", "bytes": "5000"}]),
        ("filter dstPort = 22 | limit 1 | fields @timestamp, @logStream, interfaceId", [
            {"@timestamp": "2026-11-20 11:50:00.000", "@logStream": "eni-0a1b2c3d", "interfaceId": "eni-0a1b2c3d"},
        ]),
    ],
)  # fmt: skip
def test_commands_work_in_order(query: str, rows: list[dict[str, str]]) -> None:
    assert ask(query) == rows


def test_only_the_asked_time_is_read_and_the_scan_is_counted() -> None:
    assert len(ask("fields srcAddr", hours=1)) == 4
    client = logs()
    started = client.start_query(
        logGroupName="/vpc", startTime=AT - 3600, endTime=AT, queryString="filter dstPort = 22"
    )
    answers = [client.get_query_results(queryId=started["queryId"]) for _ in range(2)]
    assert [answer["status"] for answer in answers] == ["Running", "Complete"]
    counted = answers[1]["statistics"]
    assert (counted["recordsMatched"], counted["recordsScanned"]) == (1, 4)
    assert counted["bytesScanned"] > 200


def test_results_come_in_pages() -> None:
    client = logs()
    started = client.start_query(logGroupNames=["/vpc"], startTime=0, endTime=AT, queryString="fields srcAddr")
    client.get_query_results(queryId=started["queryId"])
    sizes, token = [], {}
    while True:
        page = client.get_query_results(queryId=started["queryId"], maxItems=2, **token)
        sizes.append(len(page["results"]))
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("fields", "MalformedQueryException"),
        ("drop table", "MalformedQueryException"),
        ("filter srcAddr == '1'", "MalformedQueryException"),
        ("filter srcAddr = '198.51.100.7", "MalformedQueryException"),
        ("stats pct(bytes, 99)", "MalformedQueryException"),
        ("filter a = 1 | | limit 1", "MalformedQueryException"),
        ("limit x", "MalformedQueryException"),
    ],
)
def test_what_is_not_understood_is_refused_not_ignored(query: str, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        ask(query)
    assert code_of(refused) == code


def test_an_unknown_group_is_an_error_and_a_query_can_be_stopped() -> None:
    client = logs()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.start_query(logGroupName="/none", startTime=0, endTime=AT, queryString="fields a")
    started = client.start_query(logGroupName="/vpc", startTime=0, endTime=AT, queryString="fields a")
    assert client.stop_query(queryId=started["queryId"])["success"]
    assert client.get_query_results(queryId=started["queryId"])["status"] == "Cancelled"
