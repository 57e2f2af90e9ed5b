"""Clients for the real AWS: our own account directly, another through the role that Stanch has there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import botocore.exceptions
import botocore.session
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    InvalidRegionError,
    NoRegionError,
)
from botocore.parsers import ResponseParserError

from tools.aws import Clients
from tools.loopback import without_account_host

CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=30, user_agent_extra="stanch"
)
MODEL_CONFIG = Config(retries={"mode": "adaptive", "max_attempts": 6}, connect_timeout=5, read_timeout=300)

STATE_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 4}, connect_timeout=2, read_timeout=5, user_agent_extra="stanch",
    account_id_endpoint_mode="disabled",
)  # fmt: skip
"""For our own tables. Endpoints by account id are left alone: a table of another endpoint has none."""


def state_client(region: str | None = None) -> Any:
    """A DynamoDB client of our own account: what keeps Stanch's state is no part of what it works on. Raises NoAws."""
    with _plainly():
        return boto3.Session(region_name=region).client("dynamodb", config=STATE_CONFIG)


class NoAws(RuntimeError):
    """AWS cannot be used from here, and why: no credentials that it takes, no Region, or nobody who answers."""


class RealClients(Clients):
    """One session an account, one client an account, Region and service, made under a lock: boto3 is not thread-safe there."""

    def __init__(
        self, role_name: str | None, session_name: str, region: str | None = None, *, external_id: str = ""
    ) -> None:
        """`region` is our own; None is the profile's. Raises NoAws."""
        self._role_name = role_name
        self._external: dict[str, str] = {"ExternalId": external_id} if external_id else {}
        self._session_name = session_name
        with _plainly():
            self._home = boto3.Session(region_name=region)
            identity = self._home.client("sts", config=CONFIG).get_caller_identity()
        self.account: str = identity["Account"]
        self.caller: str = identity["Arn"]
        self.partition = self.caller.split(":")[1]
        self.region: str = self._home.region_name or "us-east-1"
        self._sessions: dict[str, boto3.Session] = {self.account: self._home}
        self._made: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.RLock()

    def client(self, service: str, account: str, region: str) -> Any:
        """A boto3 client. Raises botocore's ClientError if the account's role cannot be assumed."""
        key = (service, account, region)
        with self._lock:
            if key not in self._made:
                session = self._session(account)
                made = session.client(service, region_name=region, config=CONFIG)
                self._made[key] = without_account_host(made) if service == "s3control" else made
            return self._made[key]

    def anonymous(self, service: str, region: str) -> Any:
        """A boto3 client that signs nothing."""
        with self._lock:
            key = (service, "", region)
            if key not in self._made:
                config = CONFIG.merge(Config(signature_version=botocore.UNSIGNED))
                self._made[key] = self._home.client(service, region_name=region, config=config)
            return self._made[key]

    def model(self, region: str | None) -> tuple[Any, Any]:
        """The Bedrock runtime client and its control client, with a read timeout that outlasts a schema's first compile."""
        with self._lock, _plainly():
            runtime = self._home.client("bedrock-runtime", region_name=region, config=MODEL_CONFIG)
            return runtime, self._home.client("bedrock", region_name=region, config=CONFIG)

    def _session(self, account: str) -> boto3.Session:
        if account not in self._sessions:
            if self._role_name is None:
                raise PermissionError(f"no role is configured for account {account}: set STANCH_ROLE_NAME")
            self._sessions[account] = boto3.Session(botocore_session=self._as_role(account, self._role_name))
        return self._sessions[account]

    def _as_role(self, account: str, role_name: str) -> botocore.session.Session:
        """A session whose credentials are the role's, taken on now and anew before they end: a warm process outlives them."""
        sts = self._home.client("sts", config=CONFIG)
        arn = f"arn:{self.partition}:iam::{account}:role/{role_name}"

        def assumed() -> dict[str, str]:
            answer = sts.assume_role(
                RoleArn=arn, RoleSessionName=self._session_name, DurationSeconds=3600, **self._external
            )
            given = answer["Credentials"]
            return {
                "access_key": given["AccessKeyId"],
                "secret_key": given["SecretAccessKey"],
                "token": given["SessionToken"],
                "expiry_time": given["Expiration"].isoformat(),
            }

        session = botocore.session.get_session()
        session._credentials = RefreshableCredentials.create_from_metadata(  # noqa: SLF001 - botocore has no public setter
            assumed(), refresh_using=assumed, method="sts-assume-role"
        )
        return session


@contextmanager
def _plainly() -> Iterator[None]:
    """Whatever botocore raises before the first call is worth making, as one line that says what to do."""
    try:
        yield
    except (NoRegionError, InvalidRegionError) as error:
        raise NoAws(f"no usable Region: set AWS_REGION ({error})") from error
    except (ConnectionError, HTTPClientError) as error:
        raise NoAws(f"AWS does not answer: {error}") from error
    except ClientError as error:
        status, code = error.response["ResponseMetadata"].get("HTTPStatusCode", 0), error.response["Error"].get("Code")
        why = "no usable AWS credentials" if 400 <= status < 500 else "AWS does not answer as it should"
        raise NoAws(f"{why}: {code}") from error
    except BotoCoreError as error:
        raise NoAws(f"no usable AWS credentials: {error}") from error
    except (ResponseParserError, ValueError, KeyError) as error:
        # an endpoint that is no URL is a ValueError, a page in place of an answer may be a KeyError
        raise NoAws(f"nobody like AWS answers at AWS_ENDPOINT_URL: {str(error)[:200]}") from error


def bedrock() -> tuple[Any, Any]:
    """The Bedrock runtime client and its control client, by the standard AWS variables; no account is asked who we are.

    Raises botocore's NoCredentialsError or NoRegionError.
    """
    session = boto3.Session()
    if session.get_credentials() is None:
        raise botocore.exceptions.NoCredentialsError
    return session.client("bedrock-runtime", config=MODEL_CONFIG), session.client("bedrock", config=CONFIG)
