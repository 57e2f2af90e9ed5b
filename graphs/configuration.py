"""What the environment says: STANCH_* variables, read once, by bootstrap alone."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import AliasChoices, AwareDatetime, BeforeValidator, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent.verdict import Mode

SANDBOX_MODEL = "us.anthropic.claude-sonnet-4-6"
"""The id that goes over the wire in the sandbox; who really answered is in the report."""

_LONGEST_WAIT = 28 * 24
"""Hours that a request may wait at most: a card is known by its id for two days more."""
_MOMENT = "a moment with its time zone, like `2026-11-20T12:00:00Z`"
_TABLE = r"[A-Za-z0-9_.-]{3,255}|arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:\d{12}:table/[A-Za-z0-9_.-]{3,255}"
_A_TABLE = "a table's name or ARN"
_FUNCTION, _A_FUNCTION = r"^[A-Za-z0-9_:$-]{0,256}$", "a function's name or ARN"


def _no_number(value: object) -> object:
    """A number would be taken for seconds since 1970."""
    if isinstance(value, str) and value.strip().lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("a number is no moment")
    return value


class Configuration(BaseSettings):
    """Each field is the variable `STANCH_` and its name in capitals. An empty one counts as not set."""

    model_config = SettingsConfigDict(
        env_prefix="STANCH_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    home: Path = Field(default_factory=lambda: Path.home() / ".stanch")
    """Where ledger, checkpoints, reports and the sandbox's world live."""
    state: Literal["sqlite", "dynamodb"] = "sqlite"
    """Where ledger and checkpoints of the real AWS are kept: under the home, or in two tables. The sandbox's are under the home."""
    table: str = Field(default="", pattern=f"^({_TABLE})?$", description=_A_TABLE)
    """The DynamoDB table of the ledger."""
    checkpoint_table: str = Field(default="", pattern=f"^({_TABLE})?$", description=_A_TABLE)
    """The DynamoDB table of the checkpoints."""
    archive: str = Field(
        default="",
        pattern=r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([A-Za-z0-9_-]{1,60}/){0,4})?$",
        description="`s3://BUCKET/` or `s3://BUCKET/PREFIX/`, up to four folders",
    )
    """Where case files go: `s3://BUCKET/` or `s3://BUCKET/PREFIX/`, a bucket with Object Lock. Empty: a folder of the home."""
    mode: Mode = Mode.OBSERVE
    """What may be done: observe never writes, approve asks about every write, auto lets policy decide."""
    model: str = Field(default="", pattern=r"^[A-Za-z0-9._:/-]{0,2048}$", description="an id or ARN of Bedrock")
    """A Bedrock model or inference profile id. Empty: no model is asked, and the playbook answers."""
    registry: Path | None = None
    """The registry file. Without one no account is served, and every finding is refused."""
    registry_table: str = Field(default="", pattern=f"^({_TABLE})?$", description=_A_TABLE)
    """The DynamoDB table that holds the registry in place of a file, by name or, of another account, by ARN. Read when a process starts."""
    policies: Path | None = None
    """A directory of Cedar files in place of the bundled ones."""
    role_name: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9+=,.@_/-]{1,576}$", description="a role's name, with its path if it has one"
    )
    """The role to assume in accounts other than our own, with its path if it has one."""
    external_id: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9+=,.@:/_-]{2,1224})?$",
        description="2 to 1224 of the characters that IAM takes",
    )
    """What that role asks for beside who we are. Empty: nothing."""
    minimum_severity: int = Field(default=0, ge=0, le=100)
    """Findings of a lower severity (0-100, as their service says) are passed over."""
    since: Annotated[Literal["first_start", "ever"] | AwareDatetime, BeforeValidator(_no_number)] = Field(
        default="first_start", description=f"`first_start`, `ever`, or {_MOMENT}"
    )
    """From when on findings that come by themselves, from a bus or a queue, are worked: what was last seen earlier is
    `old`. `first_start` is an hour before Stanch first ran on its ledger. What a person
    delivers by `stanch run`, by Stanch's custom action, or to the events function as `{"finding": …}` is never old."""
    custom_action: str = Field(
        default="",
        pattern=r"^(arn:aws[a-z-]*:securityhub:[a-z0-9-]+:\d{12}:action/custom/[A-Za-z0-9_.-]{1,64})?$",
        description="the ARN of a custom action of Security Hub",
    )
    """The custom action in Security Hub that is for Stanch, by ARN: what a person sends by it, from a bus or a queue, is worked
    however old, resolved or suppressed. Any other action's event is a finding that came by itself. Empty: there is none."""
    samples_are_real: bool = False
    """Works sample findings like others. Ignored outside the sandbox."""
    approval_minutes: int = Field(default=60, ge=1, le=60 * _LONGEST_WAIT)
    """How long a request waits for an answer. After that the run ends `expired`, with nothing done."""
    posture_hours: int = Field(default=72, ge=1, le=_LONGEST_WAIT)
    """The same for a request about posture (what a check found, and nobody does) where STANCH_TOPIC is told of it by cards."""
    cards_an_hour: int = Field(default=10, ge=0, le=1000)
    """Of how many cards people are told within an hour. Threats are told at once and count first; posture waits for the clock.
    Of as many runs that ended so that somebody has to look they are told singly; of more in one message an hour."""
    case_minutes: int = Field(default=60, ge=0, le=7 * 24 * 60)
    """Findings about one principal or resource that come within so many minutes are one case: one card asks what several
    would. 0: each stands alone."""
    block_hours: int = Field(default=24, ge=1, le=365 * 24)
    """How long an address stays blocked, unless another run needs it longer."""
    region: str | None = Field(
        default=None,
        validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"),
        max_length=100,
        description="a Region's name",
    )
    """Our own Region, where a model is asked: AWS_REGION, else AWS_DEFAULT_REGION, else the profile's."""
    actor: str = Field(default="", max_length=200, description="text of up to 200 characters")
    """Who answers approvals on this command line. Empty: the operating system's user."""
    execute_function: str = Field(default="", pattern=_FUNCTION, description=_A_FUNCTION)
    """The Lambda function that makes writes, by name or ARN. Empty: runs go on in the process that works them."""
    events_function: str = Field(default="", pattern=_FUNCTION, description=_A_FUNCTION)
    """The Lambda function that speaks to the model: the clock sends it what has not come so far as a plan."""
    approval_key_secret: str = Field(
        default="", pattern=r"^[A-Za-z0-9/_+=.@:!-]{0,2048}$", description="a secret's name or ARN"
    )
    """The secret that holds the key which signs approvals, by name or ARN. Empty: a file of the home."""
    topic: str = Field(
        default="",
        pattern=r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256})?$",
        description="the ARN of a standard topic",
    )
    """The SNS topic that is told when a run asks, and when one ended so that somebody has to look. Empty: nobody is told, and
    `stanch approvals` lists what asks."""
    approvals_url: str = Field(
        default="", pattern=r"^(https?://[^\s<>\"]{1,500})?$", description="an address that begins with `https://`"
    )
    """Where the approvals function answers, for the link in that message."""
    receives: int = Field(default=4, ge=1, le=1000)
    """How often a queue may deliver a message that never comes to an end, before it is parked."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    """What the Lambda functions log. WARNING says how a run ended if somebody has to look, INFO of each; no level quotes a finding."""

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


def variables(name: str) -> list[str]:
    """The variables that set a field, the first that is set counts."""
    alias = Configuration.model_fields[name].validation_alias
    return [str(one) for one in alias.choices] if isinstance(alias, AliasChoices) else [f"STANCH_{name.upper()}"]


def fits(name: str) -> str:
    """What may stand in a field's variable, in words."""
    field = Configuration.model_fields[name]
    return field.description or _values(field)


def _values(field: FieldInfo) -> str:
    kind = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    plain: Any = next((each for each in get_args(kind) if each is not type(None)), kind)
    if issubclass(plain, StrEnum):
        return ", ".join(f"`{value}`" for value in plain)
    low = next((each.ge for each in field.metadata if isinstance(each, Ge)), None)
    high = next((each.le for each in field.metadata if isinstance(each, Le)), None)
    return {bool: "`true`, `false`", int: f"a whole number from {low} to {high}", Path: "a path"}[plain]


def fault(error: ValidationError) -> str:
    """The first thing that does not fit, on one line: the variable, and what fits. Never the value, which may be a secret."""
    first = error.errors(include_input=False, include_url=False)[0]
    place = str(first["loc"][0]) if first["loc"] else ""
    if not place:
        return str(first["msg"]).removeprefix("Value error, ")
    name = next((one for one in Configuration.model_fields if place == one or place in variables(one)), "")
    return f"{place if name == '' or place in variables(name) else variables(name)[0]}: what fits is {fits(name)}"
