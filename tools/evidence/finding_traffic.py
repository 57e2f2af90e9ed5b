"""The finding's own traffic as facts: which way it went and on which port, for rules to look at. Calls nothing."""

from agent.evidence import Answered
from agent.finding import Finding, Situation
from tools.aws import Aws, AwsCall
from tools.gathering import Gathering
from tools.source import Question, SourceSpec

FACTS = ("finding.direction", "finding.local_port", "finding.web", "finding.only_web")

SPEC = SourceSpec(
    name="finding_traffic",
    tells="Which way the traffic of the finding went, and whether it was a web request, and nothing else.",
    facts=FACTS,
    deadline_seconds=1,
    byte_cap=0,
    attacker_writes=(),
)
CALLS: frozenset[AwsCall] = frozenset()


def wanted(finding: Finding) -> bool:
    """Where it matters who attacks whom."""
    return finding.situation in (Situation.INSTANCE_COMPROMISE, Situation.INBOUND_ATTACK)


def gather(aws: Aws, question: Question) -> Answered:
    """What intake read of the finding; what the service did not say is absent."""
    gathering, traffic = Gathering(SPEC, question.now), question.finding.traffic
    told: list[tuple[str, bool | int | str | None]] = [
        ("finding.direction", traffic.direction if traffic else None),
        ("finding.local_port", traffic.local_port if traffic else None),
        ("finding.web", traffic.web if traffic else None),
        ("finding.only_web", traffic.only_web if traffic else None),
    ]
    for name, value in told:
        if value is None:
            gathering.absent(name, None, "not_said")
        else:
            gathering.known(name, None, value)
    return gathering.answered()
