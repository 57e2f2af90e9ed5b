"""The approval key where functions share it: a secret that only those that sign or check may read."""

from tools.aws import Aws, AwsCall, Phase

GET = AwsCall(
    service="secretsmanager",
    operation="GetSecretValue",
    permission="secretsmanager:GetSecretValue",
    resource="arn:{partition}:secretsmanager:{region}:{account}:secret:*",
    phases=frozenset({Phase.READ}),
)
CALLS = frozenset({GET})


def secret(aws: Aws, name: str) -> bytes:
    """The secret's text as bytes, by name or ARN. Raises AwsError, and ValueError for one that is no text."""
    found = aws.need(GET, SecretId=name)["SecretString"]
    if not isinstance(found, str):
        raise ValueError(f"{name} holds no text")
    return found.encode()
