"""The registry as one item of a DynamoDB table in the tooling account: the text of the file, where no served account writes."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.registry import Registry

PERMISSION = "dynamodb:GetItem"
"""All that reading it needs."""
KEY: dict[str, Any] = {"pk": {"S": "registry"}}
"""The table's one key is `pk`, a string; the item holds the text as `body`."""


class NoRegistry(RuntimeError):
    """The table cannot be read, or holds no registry: nothing is known, so nothing may be done."""


def load(client: Any, table: str) -> Registry:
    """Read it, whatever was written last; a table of another account goes by its ARN.

    Raises NoRegistry, and what `Registry.parse` raises.
    """
    try:
        item = client.get_item(TableName=table, Key=KEY, ConsistentRead=True).get("Item", {})
    except ClientError as error:
        raise NoRegistry(f"table {table}: {error.response['Error'].get('Code')}") from error
    except BotoCoreError as error:
        raise NoRegistry(f"table {table}: {type(error).__name__}") from error
    text = item.get("body", {}).get("S")
    if not text:
        raise NoRegistry(f"table {table} has no item whose pk is registry and whose body is its text")
    return Registry.parse(text)
