"""Findings and evidence for the tests of `agent`, with documentation ids only."""

from datetime import UTC, datetime

from agent.case import build
from agent.evidence import Answered, Evidence, Excerpt, Fact, Standing
from agent.finding import Finding, Origin, Situation, Untrusted
from agent.masking import Masker
from agent.plan import Case
from agent.slots import assign
from agent.target import GLOBAL, Target, TargetKind

ACCOUNT = "111122223333"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

KEY = Target(kind=TargetKind.ACCESS_KEY, id="AKIAIOSFODNN7EXAMPLE", account=ACCOUNT, region=GLOBAL, owner="ci-deployer")
TEMPORARY = KEY.model_copy(update={"id": "ASIAIOSFODNN7EXAMPLE"})
OTHER_KEY = KEY.model_copy(update={"id": "AKIAI44QH8DHBEXAMPLE"})
USER = Target(kind=TargetKind.USER, id="ci-deployer", account=ACCOUNT, region=GLOBAL)
BUCKET = Target(kind=TargetKind.BUCKET, id="amzn-s3-demo-bucket", account=ACCOUNT, region="eu-west-1")
INSTANCE = Target(kind=TargetKind.INSTANCE, id="i-0a1b2c3d4e5f60718", account=ACCOUNT, region="eu-west-1")
ADDRESS = Target(kind=TargetKind.ADDRESS, id="198.51.100.7/32", account=ACCOUNT, region="eu-west-1")

Value = bool | int | str | Standing


def finding(situation: Situation, *targets: Target, severity: int = 80, title: str = "", text: str = "") -> Finding:
    return Finding(
        key="arn:aws:guardduty:eu-west-1:111122223333:detector/d1/finding/f1",
        version="1",
        origin=Origin.GUARDDUTY,
        type="UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
        situation=situation,
        account=ACCOUNT,
        region="eu-west-1",
        severity=severity,
        title=Untrusted(text=title),
        description=Untrusted(text=text),
        targets=list(targets),
        remote_addresses=[ADDRESS],
    )


def fact(name: str, about: Target | None, value: Value) -> Fact:
    standing = value if isinstance(value, Standing) else Standing.KNOWN
    known = None if isinstance(value, Standing) else value
    return Fact(name=name, about=about, standing=standing, value=known, source="sample", as_of=NOW)


def evidence(
    facts: list[Fact] | None = None, targets: list[Target] | None = None, excerpts: list[str] | None = None
) -> Evidence:
    quoted = [Excerpt(source="sample", label="user agent", text=Untrusted(text=text)) for text in excerpts or []]
    answer = Answered(source="sample", standing="known", facts=facts or [], targets=targets or [], excerpts=quoted)
    return Evidence(answers={"sample": answer})


def about(facts: dict[str, Value], key: Target = KEY) -> list[Fact]:
    """Facts about the sample's key, user, bucket, instance or address, as their names say; else about its account."""
    targets = {
        "key": key,
        "user": USER,
        "bucket": BUCKET,
        "account": BUCKET,
        "instance": INSTANCE,
        "address": ADDRESS,
    }
    return [fact(name, targets.get(name.split(".")[0]), value) for name, value in facts.items()]


def case(found: Finding, read: Evidence, order: list[int] | None = None) -> Case:
    live = {target.key: True for target in [*found.targets, *read.answers["sample"].targets]}
    return build(found, read, assign(found, read, live, order), Masker("5f2a"))
