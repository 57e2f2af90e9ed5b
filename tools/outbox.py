"""What leaves for our own parts: a message to people, and a run for another function."""

import json

from agent.record import JsonObject
from tools.aws import Aws, AwsCall, Phase

PUBLISH = AwsCall(
    service="sns",
    operation="Publish",
    permission="sns:Publish",
    resource="arn:{partition}:sns:{region}:{account}:*",
    phases=frozenset({Phase.TELL}),
)
INVOKE = AwsCall(
    service="lambda",
    operation="Invoke",
    permission="lambda:InvokeFunction",
    resource="arn:{partition}:lambda:{region}:{account}:function:*",
    phases=frozenset({Phase.TELL}),
)
CALLS = frozenset({PUBLISH, INVOKE})

_SUBJECT = 100
"""Characters of a subject, by Publish's own limit."""


def publish(aws: Aws, topic: str, subject: str, text: str) -> None:
    """Say it on the topic, which may be in another Region. Raises AwsError."""
    aws.at(_region(topic, aws.region)).need(PUBLISH, TopicArn=topic, Subject=subject[:_SUBJECT], Message=text)


def invoke(aws: Aws, function: str, payload: JsonObject) -> None:
    """Hand the payload to a function, by name or ARN; Lambda queues it and answers at once. Raises AwsError."""
    here = aws.at(_region(function, aws.region))
    here.need(INVOKE, FunctionName=function, InvocationType="Event", Payload=json.dumps(payload).encode())


def _region(name: str, home: str) -> str:
    return name.split(":")[3] if name.startswith("arn:") else home
