"""A world: what stands in the embedded AWS when a finding arrives, as a YAML file says it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from agent.record import Moment, Record
from agent.target import AccountId
from tools.registry import AccountEntry, Registry
from tools.sandbox.seeding.access_analyzer import AccessAnalyzerSection
from tools.sandbox.seeding.athena import AthenaSection
from tools.sandbox.seeding.autoscaling import AutoScalingSection
from tools.sandbox.seeding.cloudtrail import CloudTrailSection
from tools.sandbox.seeding.config import ConfigSection
from tools.sandbox.seeding.ec2 import Ec2Section
from tools.sandbox.seeding.elbv2 import Elbv2Section
from tools.sandbox.seeding.flow_logs import FlowLog
from tools.sandbox.seeding.guardduty import GuardDutySection
from tools.sandbox.seeding.health import HealthSection
from tools.sandbox.seeding.iam import IamSection
from tools.sandbox.seeding.macie import MacieSection
from tools.sandbox.seeding.organizations import OrganizationSection
from tools.sandbox.seeding.place import partition_of
from tools.sandbox.seeding.present import Present
from tools.sandbox.seeding.references import dangling
from tools.sandbox.seeding.s3 import S3Section
from tools.sandbox.seeding.securityhub import SecurityHubSection
from tools.sandbox.seeding.wafv2 import Wafv2Section
from tools.sandbox.seeding.when import resolve

RegionName = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d{1,2}$")]
_LOG_DAYS = 14
_ACCOUNT_ID = re.compile(r"^\d{12}$")
_STARTS_WITH_A_PATH = re.compile(r"[a-z0-9_.\[\]]+: ")


class WorldError(ValueError):
    """A world that does not say what it should; one line for each place, like `iam.users[0].keys[0].id: ...`."""


class Content(Record):
    """What stands in one account."""

    iam: IamSection = IamSection()
    s3: S3Section = S3Section()
    cloudtrail: CloudTrailSection = CloudTrailSection()
    ec2: Ec2Section = Ec2Section()
    autoscaling: AutoScalingSection = AutoScalingSection()
    elbv2: Elbv2Section = Elbv2Section()
    wafv2: Wafv2Section = Wafv2Section()
    flow_logs: list[FlowLog] = []
    config: ConfigSection = ConfigSection(enabled=False)
    access_analyzer: AccessAnalyzerSection = AccessAnalyzerSection(enabled=False)
    athena: AthenaSection = AthenaSection()
    macie: MacieSection = MacieSection(enabled=False)
    guardduty: GuardDutySection = GuardDutySection()
    health: HealthSection = HealthSection()
    present: list[Present] = []
    securityhub: SecurityHubSection = SecurityHubSection()

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        for problem in dangling(self.iam, self.ec2, self.autoscaling, self.elbv2, self.wafv2):
            raise ValueError(problem)
        return self


class OtherAccount(Content):
    """A further account of the world."""

    account: AccountId
    region: RegionName | None = None
    """The world's own Region when not given."""


class World(Content):
    """One `world.yaml`."""

    now: Moment
    """What the sandbox's clock says. Relative moments (`-25m`) count from here."""
    account: AccountId = "123456789012"
    region: RegionName = "us-east-1"
    registry: Registry = Registry()
    """Without `accounts`, the world's account is a workload in dev."""
    accounts: list[OtherAccount] = []
    organization: OrganizationSection | None = None
    """The organisation that accounts of this world belong to, if any."""
    event: bool = True
    """Whether the event's own findings stand in their services, so that they can be read again."""

    @property
    def partition(self) -> str:
        """The partition of the world's Region: a world is in one, like an installation."""
        return partition_of(self.region)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file. Raises WorldError with every place that is wrong."""
        return cls.parse(path.read_bytes())

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read the YAML text of a world. Raises WorldError with every place that is wrong."""
        try:
            data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, with account ids kept as text
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            # a date that no calendar has is a ValueError
            raise WorldError(f"not YAML: {_unread(error)}") from error
        if data is None:
            raise WorldError("empty")
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise WorldError("\n".join(_lines(error, data))) from error

    @model_validator(mode="after")
    def _registry_knows_the_account(self) -> Self:
        if not self.registry.accounts:
            known = {self.account: AccountEntry(role="workload", environment="dev")}
            # a frozen record is completed here, before anyone has seen it
            object.__setattr__(self, "registry", self.registry.model_copy(update={"accounts": known}))
        return self

    @model_validator(mode="after")
    def _logs_take_it(self) -> Self:
        for where, content in self.contents():
            for number, flow_log in enumerate(content.flow_logs):
                for position, flow in enumerate(flow_log.records if flow_log.group else []):
                    age = self.now - resolve(flow.at, self.now)
                    if age.total_seconds() + max(60, flow.every) * flow.count > _LOG_DAYS * 86400:
                        place = f"{where}flow_logs[{number}].records[{position}].at"
                        raise ValueError(
                            f"{place}: CloudWatch Logs refuses events older than {_LOG_DAYS} days before now"
                        )
        return self

    def contents(self) -> Iterator[tuple[str, Content]]:
        """The world's own content and that of each further account, with its path."""
        yield "", self
        for number, other in enumerate(self.accounts):
            yield f"accounts[{number}].", other


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml where it is built in
    """Safe YAML in which twelve digits are an account id, not a number."""


_Loader.yaml_implicit_resolvers = {
    first: [("tag:yaml.org,2002:str", _ACCOUNT_ID), *rules] if first in "0123456789" and first else rules
    for first, rules in _Loader.yaml_implicit_resolvers.items()
}


def _unread(error: Exception) -> str:
    """The fault with its place in the file, as the parser counts them from none and people from one."""
    at, what = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if at is None:
        return " ".join(str(error).split())
    return f"line {at.line + 1}, column {at.column + 1}: {what}"


def _lines(error: ValidationError, data: object) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_input=False):
        path = _path(problem["loc"], data)
        message = problem["msg"].removeprefix("Value error, ")
        if path and _STARTS_WITH_A_PATH.match(message):
            yield path + ("" if message.startswith("[") else ".") + message
        else:
            yield f"{path}: {message}" if path else message


def _path(location: tuple[int | str, ...], data: Any) -> str:
    """The place in the file: pydantic's location without the names it gives to the members of a union."""
    path = ""
    for number, part in enumerate(location):
        last = number == len(location) - 1
        if isinstance(part, int):
            path += f"[{part}]"
            data = data[part] if isinstance(data, list) and part < len(data) else None
        elif isinstance(data, dict) and (part in data or last):
            path += f".{part}" if path else part
            data = data.get(part)
        elif data is None and not path:
            path = part
    return path
