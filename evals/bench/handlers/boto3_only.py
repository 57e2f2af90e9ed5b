"""A handler that imports boto3 and makes one client, as any handler that speaks to AWS must."""

import boto3

_CLIENT = boto3.client("s3", region_name="us-east-1")


def handler(event: object, context: object) -> dict[str, str]:
    """Answer."""
    return {"status": _CLIENT.meta.service_model.service_name}
