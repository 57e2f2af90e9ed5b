"""Clients for the real AWS: our own account directly, another through the role that Stanch has there."""

import threading
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from tools.aws import Clients
from tools.loopback import without_account_host

CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=30, user_agent_extra="stanch"
)
MODEL_CONFIG = Config(retries={"mode": "adaptive", "max_attempts": 6}, connect_timeout=5, read_timeout=300)


class RealClients(Clients):
    """One session an account, one client an account, Region and service, made under a lock: boto3 is not thread-safe there."""

    def __init__(self, role_name: str | None, session_name: str, external_id: str = "") -> None:
        self._role_name = role_name
        self._external: dict[str, str] = {"ExternalId": external_id} if external_id else {}
        self._session_name = session_name
        self._home = boto3.Session()
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
        with self._lock:
            runtime = self._home.client("bedrock-runtime", region_name=region, config=MODEL_CONFIG)
            return runtime, self._home.client("bedrock", region_name=region, config=CONFIG)

    def _session(self, account: str) -> boto3.Session:
        if account not in self._sessions:
            if self._role_name is None:
                raise PermissionError(f"no role is configured for account {account}: set STANCH_ROLE_NAME")
            arn = f"arn:{self.partition}:iam::{account}:role/{self._role_name}"
            sts = self._home.client("sts", config=CONFIG)
            answer = sts.assume_role(
                RoleArn=arn, RoleSessionName=self._session_name, DurationSeconds=3600, **self._external
            )
            given = answer["Credentials"]
            self._sessions[account] = boto3.Session(
                aws_access_key_id=given["AccessKeyId"],
                aws_secret_access_key=given["SecretAccessKey"],
                aws_session_token=given["SessionToken"],
            )
        return self._sessions[account]
