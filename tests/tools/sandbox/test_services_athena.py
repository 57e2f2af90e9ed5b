"""Athena runs what it is asked, over objects as CloudTrail and VPC leave them in S3."""

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from engine_scene import ACCOUNT, NOW, REGION, code_of

from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import seed
from tools.sandbox.world import World, WorldError

KEY = "AKIAIOSFODNN7EXAMPLE"
READ = {"at": "-3h", "name": "GetObject", "source": "s3", "resources": ["docs"], "object": "a/b.txt", "bytes": 89}
WORLD: dict[str, Any] = {
    "now": NOW,
    "account": ACCOUNT,
    "region": REGION,
    "athena": {"trail": "trail-files"},
    "cloudtrail": {
        "events": [
            {"at": "-2h", "name": "ListUsers", "key": KEY, "user": "ann", "address": "198.51.100.7", "count": 3},
            {**READ, "key": KEY, "user": "ann", "address": "198.51.100.7"},
            {**READ, "at": "-9d", "anonymous": True, "address": "203.0.113.5"},
        ]
    },
    "flow_logs": [
        {
            "bucket": "flow-files",
            "vpc": "vpc-0a1b2c3d",
            "interface": "eni-0a1b2c3d",
            "format": ["version", "srcaddr", "dstaddr", "srcport", "dstport", "bytes", "region", "action", "az-id"],
            "records": [{"at": "-1h", "src": "10.0.0.5", "dst": "198.51.100.7", "bytes": 900, "count": 4}],
        }
    ],
}


def opened(world: dict[str, Any] = WORLD) -> Sandbox:
    parsed = World.model_validate(world)
    sandbox = Sandbox.fresh(7, parsed.now)
    seed(sandbox, parsed)
    return sandbox


def client(sandbox: Sandbox | None = None) -> Any:
    return (sandbox or opened()).client("athena", ACCOUNT, REGION)


def asked(athena: Any, text: str, values: list[str] | None = None) -> dict[str, Any]:
    """The query once it is over."""
    more = {"ExecutionParameters": values} if values else {}
    query = athena.start_query_execution(QueryString=text, WorkGroup="stanch", **more)["QueryExecutionId"]
    states = [athena.get_query_execution(QueryExecutionId=query)["QueryExecution"] for _ in range(2)]
    assert states[0]["Status"]["State"] == "RUNNING"
    over: dict[str, Any] = states[1]
    return over


def rows(text: str, values: list[str] | None = None) -> list[list[str | None]]:
    athena = client()
    over = asked(athena, text, values)
    assert over["Status"]["State"] == "SUCCEEDED", over["Status"]
    found = athena.get_query_results(QueryExecutionId=over["QueryExecutionId"])["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in found]


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("SELECT eventname, count(*) AS calls FROM logs.cloudtrail WHERE useridentity.accesskeyid = ? GROUP BY 1 ORDER BY 1",
         [f"'{KEY}'"], [["eventname", "calls"], ["GetObject", "1"], ["ListUsers", "3"]]),
        ("SELECT eventname FROM logs.cloudtrail WHERE useridentity.username = ? AND sourceipaddress IN (?, ?) AND readonly = 'x'",
         ["'ann'", "'198.51.100.7'", "'198.51.100.8'"], [["eventname"]]),
        ("SELECT json_extract_scalar(requestparameters, '$.key') AS k, "
         "sum(try_cast(json_extract_scalar(additionaleventdata, '$.bytesTransferredOut') AS double)) AS b "
         "FROM logs.cloudtrail WHERE eventsource = 's3.amazonaws.com' GROUP BY 1", None, [["k", "b"], ["a/b.txt", "178.0"]]),
        ("SELECT useridentity.accountid AS a, errorcode AS e FROM logs.cloudtrail WHERE useridentity.type = 'AWSAccount'",
         None, [["a", "e"], ["ANONYMOUS_PRINCIPAL", None]]),
        ("SELECT element_at(resources, 2).accountid AS a FROM logs.cloudtrail WHERE eventname = 'GetObject' LIMIT 1", None,
         [["a"], [ACCOUNT]]),
        ("SELECT srcaddr, sum(bytes) AS b, max(az_id) AS az FROM logs.flow_logs WHERE least(srcport, dstport) = 443 GROUP BY 1",
         None, [["srcaddr", "b", "az"], ["10.0.0.5", "3600", "-"]]),
    ],
)  # fmt: skip
def test_it_answers_what_stands_in_the_files(text: str, values: list[str] | None, expected: list[list[str]]) -> None:
    assert rows(text, values) == expected


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE logs.cloudtrail",
        "SELECT 1 FROM logs.cloudtrail; SELECT 2 FROM logs.cloudtrail",
        "SELECT a.eventname FROM logs.cloudtrail a, logs.flow_logs b",
        "SELECT list_sum(resources) FROM logs.cloudtrail",
        "SELECT * FROM logs.cloudtrail WHERE eventname = ?",
        "SELECT FROM WHERE",
    ],
)
def test_what_is_not_understood_is_refused_and_never_answered_otherwise(text: str) -> None:
    with pytest.raises(ClientError) as refused:
        client().start_query_execution(QueryString=text, WorkGroup="stanch")
    assert code_of(refused) == "InvalidRequestException"


@pytest.mark.parametrize("value", ["x' OR ''='", "eventname", "(SELECT 1)"])
def test_a_parameter_is_one_literal(value: str) -> None:
    with pytest.raises(ClientError):
        asked(client(), "SELECT eventname FROM logs.cloudtrail WHERE eventname = ?", [value])


@pytest.mark.parametrize("text", ["SELECT nothing FROM logs.cloudtrail", "SELECT 1 FROM logs.elsewhere"])
def test_a_query_that_breaks_has_failed_and_has_no_rows(text: str) -> None:
    athena = client()
    over = asked(athena, text)
    assert (over["Status"]["State"], bool(over["Status"]["StateChangeReason"])) == ("FAILED", True)
    with pytest.raises(ClientError):
        athena.get_query_results(QueryExecutionId=over["QueryExecutionId"])


def test_conditions_on_partitions_decide_what_is_read() -> None:
    athena = client()
    count = "SELECT count(*) AS n FROM logs.cloudtrail"
    all_of_it = asked(athena, count)["Statistics"]["DataScannedInBytes"]
    today = asked(athena, f"{count} WHERE \"timestamp\" = '{NOW:%Y/%m/%d}'")["Statistics"]["DataScannedInBytes"]
    nowhere = asked(athena, f"{count} WHERE region IN ('sa-east-1')")["Statistics"]["DataScannedInBytes"]
    assert 0 == nowhere < today < all_of_it


def test_the_same_token_is_the_same_query_and_no_other() -> None:
    athena, token = client(), "t" * 40
    ask = {"WorkGroup": "stanch", "ClientRequestToken": token}
    first = athena.start_query_execution(QueryString="SELECT 1 AS a FROM logs.cloudtrail", **ask)
    assert (
        athena.start_query_execution(QueryString="SELECT 1 AS a FROM logs.cloudtrail", **ask)["QueryExecutionId"]
        == (first["QueryExecutionId"])
    )
    with pytest.raises(ClientError):
        athena.start_query_execution(QueryString="SELECT 2 AS a FROM logs.cloudtrail", **ask)


def test_a_stopped_query_has_no_rows() -> None:
    athena = client()
    query = athena.start_query_execution(QueryString="SELECT 1 AS a FROM logs.cloudtrail", WorkGroup="stanch")
    athena.stop_query_execution(**{"QueryExecutionId": query["QueryExecutionId"]})
    assert athena.get_query_execution(QueryExecutionId=query["QueryExecutionId"])["QueryExecution"]["Status"][
        "State"
    ] == ("CANCELLED")


def test_a_table_says_its_columns_and_partitions() -> None:
    told = client().get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="logs", TableName="flow_logs")
    columns = [column["Name"] for column in told["TableMetadata"]["Columns"]]
    assert columns[:3] == ["version", "srcaddr", "dstaddr"]
    assert [key["Name"] for key in told["TableMetadata"]["PartitionKeys"]] == ["aws_account_id", "aws_region", "day"]


def test_the_files_are_as_their_services_write_them() -> None:
    s3 = opened().client("s3", ACCOUNT, REGION)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="trail-files")["Contents"]]
    assert all(key.startswith(f"AWSLogs/{ACCOUNT}/CloudTrail/") and key.endswith(".json.gz") for key in keys)
    body = json.loads(gzip.decompress(s3.get_object(Bucket="trail-files", Key=keys[0])["Body"].read()))
    assert {record["eventCategory"] for record in body["Records"]} <= {"Management", "Data"}
    flows = s3.list_objects_v2(Bucket="flow-files")["Contents"][0]["Key"]
    heading, line, *_ = (
        gzip.decompress(s3.get_object(Bucket="flow-files", Key=flows)["Body"].read()).decode().split("\n")
    )
    assert heading == "version srcaddr dstaddr srcport dstport bytes region action az-id"
    assert line.split(" ")[1:3] == ["10.0.0.5", "198.51.100.7"]


def test_reads_of_objects_stand_in_the_files_and_not_in_the_event_history() -> None:
    sandbox = opened()
    events = sandbox.client("cloudtrail", ACCOUNT, REGION).lookup_events()["Events"]
    home = sandbox.client("cloudtrail", ACCOUNT, "us-east-1").lookup_events()["Events"]
    assert {event["EventName"] for event in [*events, *home]} == {"ListUsers"}


def test_a_saved_world_answers_the_same() -> None:
    text = "SELECT eventname FROM logs.cloudtrail ORDER BY eventid"
    before = asked(client(), text)["Statistics"]
    again = Sandbox.restore(opened().snapshot())
    assert asked(client(again), text)["Statistics"] == before


@pytest.mark.parametrize(
    ("flow_log", "where"),
    [
        ({"group": "/a", "bucket": "flow-files"}, "a log group or to a bucket"),
        ({}, "a log group or to a bucket"),
        ({"bucket": "flow-files", "format": ["srcaddr", "colour"]}, "no field 'colour'"),
        ({"bucket": "flow-files", "format": []}, "at least one field"),
    ],
)
def test_a_flow_log_that_cannot_be_is_refused_with_its_place(flow_log: dict[str, Any], where: str) -> None:
    text = json.dumps(
        {"now": NOW.isoformat(), "flow_logs": [{"vpc": "vpc-0a1b2c3d", "interface": "eni-0a1b2c3d", **flow_log}]}
    )
    with pytest.raises(WorldError, match=where):
        World.parse(text)
