"""The tables that keep the state on AWS, as data: whoever makes them, templates, sandbox or tests, makes these."""

from typing import Any

from agent.record import JsonObject, Record

PARTITION, SORT = "PK", "SK"


class Index(Record):
    """A second order of a table's items. Its answers may be a moment old: it lists, and decides nothing."""

    name: str
    partition: str
    sort: str
    projected: list[str]
    """Attributes that a listing shows; the keys are there anyway."""


class Table(Record):
    """One table: keys `PK` and `SK`, texts both; billed by request; no stream, and nothing in it expires by itself."""

    index: Index | None = None
    point_in_time_recovery: bool = True
    permissions: list[str]
    """The IAM actions that our code needs on the table."""
    index_permissions: list[str] = []
    """And on its indexes."""


LISTED = Index(
    name="listed",
    partition="listed",
    sort="listed_at",
    projected=[
        "run_id", "incident", "version", "generation", "status", "mode", "fence", "handed_over", "opened_at",
        "updated_at", "actions",
    ],
)  # fmt: skip
"""Runs that are worked, all others, claims that stand, that lapsed, and that are open."""

LEDGER = Table(
    index=LISTED,
    permissions=[
        "dynamodb:BatchGetItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
    ],
    index_permissions=["dynamodb:Query"],
)
CHECKPOINTS = Table(permissions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"])


def creation(table: Table, name: str) -> JsonObject:
    """What CreateTable is asked for. Point-in-time recovery is no part of it."""
    keys = [PARTITION, SORT, *([table.index.partition, table.index.sort] if table.index else [])]
    asked: JsonObject = {
        "TableName": name,
        "KeySchema": _keys(PARTITION, SORT),
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
    }
    if table.index is not None:
        projected: JsonObject = {"ProjectionType": "INCLUDE", "NonKeyAttributes": [*table.index.projected]}
        schema = _keys(table.index.partition, table.index.sort)
        asked["GlobalSecondaryIndexes"] = [
            {"IndexName": table.index.name, "KeySchema": schema, "Projection": projected}
        ]
    return asked


def _keys(partition: str, sort: str) -> list[Any]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def create(client: Any, table: Table, name: str) -> None:
    """Make the table with a boto3 client of DynamoDB, and wait until it is there."""
    client.create_table(**creation(table, name))
    client.get_waiter("table_exists").wait(TableName=name)
    if table.point_in_time_recovery:
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
