"""What the environment says: STANCH_* variables, read once, by bootstrap alone."""

from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, AwareDatetime, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent.verdict import Mode

SANDBOX_MODEL = "us.anthropic.claude-sonnet-4-6"
"""The id that goes over the wire in the sandbox; who really answered is in the report."""


class Configuration(BaseSettings):
    """Each field is the variable `STANCH_` and its name in capitals. An empty one counts as not set."""

    model_config = SettingsConfigDict(env_prefix="STANCH_", env_ignore_empty=True, extra="ignore")

    home: Path = Field(default_factory=lambda: Path.home() / ".stanch")
    """Where ledger, checkpoints, reports and the sandbox's world live."""
    state: Literal["sqlite", "dynamodb"] = "sqlite"
    """Where ledger and checkpoints of the real AWS are kept: under the home, or in two tables. The sandbox's are under the home."""
    table: str = ""
    """The DynamoDB table of the ledger."""
    checkpoint_table: str = ""
    """The DynamoDB table of the checkpoints."""
    archive: str = Field(default="", pattern=r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([A-Za-z0-9_-]{1,60}/){0,4})?$")
    """Where case files go: `s3://BUCKET/` or `s3://BUCKET/PREFIX/`, a bucket with Object Lock. Empty: a folder of the home."""
    mode: Mode = Mode.OBSERVE
    """What may be done: observe never writes, approve asks about every write, auto lets policy decide."""
    model: str = ""
    """A Bedrock model or inference profile id. Empty: no model is asked, and the playbook answers."""
    registry: Path | None = None
    """The registry file. Without one no account is served, and every finding is refused."""
    registry_table: str = ""
    """The DynamoDB table that holds the registry in place of a file, by name or, of another account, by ARN. Read when a process starts."""
    policies: Path | None = None
    """A directory of Cedar files in place of the bundled ones."""
    role_name: str | None = None
    """The role to assume in accounts other than our own, with its path if it has one."""
    external_id: str = ""
    """What that role asks for beside who we are. Empty: nothing."""
    minimum_severity: int = 0
    """Findings of a lower severity (0-100, as their service says) are passed over."""
    since: Literal["first_start", "ever"] | AwareDatetime = "first_start"
    """From when on findings that come by themselves, from a bus or a queue, are worked: what was last seen earlier is
    `old`. A moment like `2026-11-20T12:00:00Z`; `first_start` is an hour before Stanch first ran on its ledger. What a
    person delivers by hand is never old."""
    custom_action: str = Field(
        default="",
        pattern=r"^(arn:aws[a-z-]*:securityhub:[a-z0-9-]+:\d{12}:action/custom/[A-Za-z0-9_.-]{1,64})?$",
        description="the ARN of a custom action of Security Hub",
    )
    """The custom action in Security Hub that is for Stanch, by ARN: what a person sends by it, from a bus or a queue, is worked
    however old, resolved or suppressed. Any other action's event is a finding that came by itself. Empty: there is none."""
    samples_are_real: bool = False
    """Works sample findings like others. Ignored outside the sandbox."""
    approval_minutes: int = 60
    """How long a request waits for an answer. After that the run ends `expired`, with nothing done."""
    posture_hours: int = Field(default=72, ge=1)
    """The same for a request about posture (what a check found, and nobody does) where STANCH_TOPIC is told of it by cards."""
    cards_an_hour: int = Field(default=10, ge=0)
    """Of how many cards people are told within an hour. Threats are told at once and count first; posture waits for the clock."""
    case_minutes: int = Field(default=60, ge=0)
    """Findings about one principal or resource that come within so many minutes are one case: one card asks what several
    would. 0: each stands alone."""
    block_hours: int = 24
    """How long an address stays blocked, unless another run needs it longer."""
    region: str | None = Field(default=None, validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"))
    """Our own Region, where a model is asked: AWS_REGION, else AWS_DEFAULT_REGION, else the profile's."""
    actor: str = ""
    """Who answers approvals on this command line. Empty: the operating system's user."""
    execute_function: str = ""
    """The Lambda function that makes writes, by name or ARN. Empty: runs go on in the process that works them."""
    events_function: str = ""
    """The Lambda function that speaks to the model: the clock sends it what has not come so far as a plan."""
    approval_key_secret: str = ""
    """The secret that holds the key which signs approvals, by name or ARN. Empty: a file of the home."""
    topic: str = ""
    """The SNS topic that is told when a run asks. Empty: nobody is told, and `stanch approvals` lists it."""
    approvals_url: str = ""
    """Where the approvals function answers, for the link in that message."""
    receives: int = Field(default=4, ge=1)
    """How often a queue may deliver a message that never comes to an end, before it is parked."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    """What the Lambda functions log. INFO says of each run how it ended; no level quotes a finding."""

    @model_validator(mode="after")
    def _one_registry(self) -> Self:
        if self.registry is not None and self.registry_table:
            raise ValueError("STANCH_REGISTRY and STANCH_REGISTRY_TABLE both name a registry: there is one")
        return self

    @model_validator(mode="after")
    def _tables_are_named(self) -> Self:
        if self.state == "dynamodb" and not (self.table and self.checkpoint_table):
            raise ValueError("STANCH_STATE=dynamodb needs the names in STANCH_TABLE and STANCH_CHECKPOINT_TABLE")
        return self
