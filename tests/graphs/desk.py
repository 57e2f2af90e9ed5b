"""A desk: one world in the sandbox with its service, runs and ledger, everything real but AWS and, where asked, the model."""

import copy
import itertools
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError
from langgraph.checkpoint.memory import InMemorySaver

from agent.event import Event
from agent.plan import Answer, Case, Confidence, Disposition, Proposal
from agent.policy import Policies
from agent.policy.source import bundled, texts
from agent.report import Report
from agent.verdict import Mode
from graphs.answering import answer
from graphs.checkpoints import serializer
from graphs.configuration import SANDBOX_MODEL
from graphs.embedded import answerer
from graphs.model import BedrockModel
from graphs.runs import Runs
from graphs.service import Asked, Model, NotAnswered, Service, Settings
from graphs.state import State
from tools.action import catalogue
from tools.ledger import SqliteLedger
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import SandboxCall
from tools.sandbox.seed import secret_for, seed
from tools.sandbox.services.bedrock import set_answerer
from tools.sandbox.world import World

ACCOUNT, REGION = "111122223333", "eu-west-1"
USER, KEY, SPARE = "build-bot", "AKIAIOSFODNN7EXAMPL1", "AKIAIOSFODNN7EXAMPL2"
SIBLING, SIBLING_KEY = "ann", "AKIAIOSFODNN7EXAMPL9"
BUCKET, WEBSITE = "example-ledger-exports", "example-brochure"
ATTACKER, OFFICE = "198.51.100.23", "203.0.113.20"

USER_WORLD = f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
registry:
  accounts: {{'{ACCOUNT}': {{role: workload, environment: dev, regions: [{REGION}, us-east-1], other_regions_denied: true}}}}
  trusted_networks: [203.0.113.0/24]
  people: {{rosa: [owner], ivo: [incident-commander], mei: [analyst], {USER}: [owner]}}
iam:
  users:
    - name: {USER}
      keys: [{{id: {KEY}, last_used: {{at: -2h}}}}, {{id: {SPARE}}}]
      managed: [AdministratorAccess]
    - {{name: {SIBLING}, keys: [{{id: {SIBLING_KEY}}}], managed: [AdministratorAccess]}}
cloudtrail:
  events:
    - {{at: -130m, name: ListUsers, key: {KEY}, user: {USER}, address: {ATTACKER}, region: us-east-1, count: 60}}
    - {{at: -125m, name: CreateAccessKey, key: {KEY}, user: {USER}, address: {ATTACKER}, error: AccessDenied}}
    - {{at: -9h, name: DescribeInstances, source: ec2, key: {KEY}, user: {USER}, address: {OFFICE}}}
flow_logs:
  - group: /vpc/flow
    vpc: vpc-0123456789abcdef0
    interface: eni-0123456789abcdef0
    records: [{{at: -2h, src: {ATTACKER}, dst: 10.0.0.5, bytes: 300}}]
"""

BUCKET_WORLD = f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
registry:
  accounts: {{'{ACCOUNT}': {{role: workload, environment: dev}}}}
  people: {{rosa: [owner], ivo: [incident-commander], mei: [analyst]}}
s3:
  buckets:
    - {{name: {BUCKET}, policy: public_read, objects: [{{key: q3/report.csv, body: figures}}]}}
    - {{name: {WEBSITE}, policy: public_read, website: true, objects: [{{key: index.html, body: hello}}]}}
cloudtrail:
  events:
    - {{at: -151m, name: PutBucketPolicy, source: s3, user: {USER}, address: 203.0.113.30, resources: [{BUCKET}]}}
    - {{at: -3h, name: GetBucketAcl, source: s3, user: {USER}, resources: [{BUCKET}, {WEBSITE}], count: 60}}
flow_logs:
  - group: /vpc/flow
    vpc: vpc-0123456789abcdef0
    interface: eni-0123456789abcdef0
    records: [{{at: -2h, src: 203.0.113.30, dst: 10.0.0.5, bytes: 300}}]
macie:
  findings: [{{bucket: {BUCKET}}}]
  buckets:
    - {{name: {BUCKET}, sensitivity_score: 83, public: PUBLIC}}
    - {{name: {WEBSITE}, sensitivity_score: 10, public: PUBLIC}}
"""

_EVENTS = Path(__file__).parents[1] / "data" / "events"


def event(name: str) -> Any:
    """One of the recorded-shape example events, a copy to change."""
    return json.loads((_EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def about(bucket: str, body: Any) -> Any:
    """The same event about another bucket."""
    return json.loads(json.dumps(body).replace(BUCKET, bucket))


def world(text: str, *changes: tuple[str, Any]) -> str:
    """The world's text with places changed: `s3.buckets.0.website`. A list takes its next index as one more."""
    data = yaml.safe_load(text.replace(f"account: {ACCOUNT}", f"account: '{ACCOUNT}'"))
    for path, value in changes:
        *way, last = path.split(".")
        place = data
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        if isinstance(place, list) and int(last) == len(place):
            place.append(value)
        else:
            place[int(last) if isinstance(place, list) else last] = value
    return yaml.safe_dump(data, sort_keys=False)


ROLE_WORLD = world(
    USER_WORLD,
    ("iam.roles", [{"name": "deploy"}]),
    (
        "cloudtrail.events.3",
        {
            "at": "-130m", "name": "StopLogging", "source": "cloudtrail", "role": "deploy", "user": "deploy-4711",
            "address": ATTACKER,
        },
    ),
)  # fmt: skip
"""A role, and the session of it that `guardduty_role_session` is about, which stopped a trail from far away."""


class Says:
    """A model that gives the same answer to every case, and counts how often it was asked."""

    def __init__(
        self,
        *proposals: tuple[str, str],
        disposition: Disposition = Disposition.TRUE_POSITIVE,
        confidence: Confidence = Confidence.HIGH,
    ) -> None:
        self.answer = Answer(
            disposition=disposition,
            confidence=confidence,
            proposals=[Proposal(action=action, slot=slot) for action, slot in proposals],
        )
        self.cases: list[Case] = []

    def ask(self, case: Case) -> Asked | NotAnswered:
        """The same as ever."""
        self.cases.append(case)
        return Asked(answer=self.answer, answered_by="a test")


@dataclass
class Desk:
    """What a test looks at. Calls are those made since the desk was set up."""

    sandbox: Sandbox
    world: World
    body: Any
    service: Service
    runs: Runs
    calls: list[SandboxCall] = field(default_factory=list)
    saver: InMemorySaver | None = None

    @property
    def writes(self) -> list[str]:
        """Names of the calls that can change the world, in order."""
        return [call.name for call in self.calls if call.writes]

    @property
    def changes(self) -> list[str]:
        """The writes without what Security Hub was told."""
        return [name for name in self.writes if not name.startswith("securityhub:BatchUpdateFindings")]

    def deliver(self, body: Any = None) -> Report:
        """Deliver the event, or another one, of which one report comes."""
        (report,) = self.deliver_all(body)
        return report

    def deliver_all(self, body: Any = None) -> list[Report]:
        """Deliver the event, or another one."""
        return self.runs.deliver(
            Event(body=self.body if body is None else body, received_at=self.sandbox.now(), via="eval")
        )

    def state(self, run_id: str) -> State:
        """What the run's last checkpoint holds."""
        return State.model_validate(self.runs._graph.get_state({"configurable": {"thread_id": run_id}}).values)

    def arrives(self, body: Any) -> None:
        """Let another event's finding stand in its service too."""
        seed(self.sandbox, self.world, body)
        self.calls.clear()

    def say(self, decision: Any, run: Report, by: str = "rosa", only: list[str] | None = None) -> Any:
        """Answer the run's request."""
        return answer(self.runs, run.run_id, decision, by, only, f"{by} says {decision}")

    def wait(self, **much: float) -> None:
        """Let the world's clock go on."""
        self.sandbox.clock.anchor += timedelta(**much)

    def works(self, key: str) -> bool:
        """Whether a call with the key succeeds."""
        return self._tried(key, "sts", "get_caller_identity")

    def may_act(self, key: str) -> bool:
        """Whether the key's user may still do anything."""
        return self._tried(key, "iam", "list_users")

    def _tried(self, key: str, service: str, operation: str) -> bool:
        client = self.sandbox.client(service, REGION, access_key=key, secret=secret_for(key))
        try:
            getattr(client, operation)()
        except ClientError:
            return False
        return True

    def block(self, bucket: str = BUCKET) -> Any:
        """The bucket's block as the API answers it, or the code of why there is none."""
        try:
            answer = self.sandbox.client("s3", ACCOUNT, REGION).get_public_access_block(Bucket=bucket)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return answer["PublicAccessBlockConfiguration"]

    def hub_finding(self) -> dict[str, Any]:
        """The finding as Security Hub keeps it now."""
        return dict(self.sandbox.client("securityhub", ACCOUNT, REGION).get_findings()["Findings"][0])


@cache
def _seeded(text: str, body: str) -> bytes:
    parsed, event_ = World.parse(text), json.loads(body)
    sandbox = Sandbox.fresh(7, parsed.now)
    seed(sandbox, parsed, event_ if isinstance(event_, dict) else None)
    return sandbox.snapshot()


@cache
def policies(also: str = "") -> Policies:
    """The bundled policies with further ones beside them, read once."""
    with tempfile.TemporaryDirectory() as folder:
        for file, text in {**texts(bundled()), "also.cedar": also}.items():
            (Path(folder) / file).write_text(text, encoding="utf-8")
        return Policies.load(Path(folder), catalogue=catalogue())


def desk(
    folder: Path,
    text: str,
    body: Any,
    mode: Mode = Mode.AUTO,
    *,
    model: Model | None = None,
    alive: Callable[[str], bool] = lambda _: True,
    also: str = "",
    **settings: Any,
) -> Desk:
    """Set up a new world with the event's finding in its service. Without a model, the playbook answers over Converse.

    `also` is Cedar text that stands beside the bundled policies.
    """
    sandbox = Sandbox.restore(_seeded(text, json.dumps(body)))
    parsed, numbers = World.parse(text), itertools.count(1)
    set_answerer(answerer(catalogue()))
    service = Service(
        clients=sandbox.clients(),
        partition="aws",
        ledger=SqliteLedger(folder / "ledger.sqlite", alive, durable=False),
        model=model or bedrock(sandbox),
        policies=policies(also),
        registry=parsed.registry,
        catalogue=catalogue(),
        clock=sandbox.now,
        nonce=lambda: f"nonce-{next(numbers):04d}",
        approval_key=b"the key of these tests",
        settings=Settings(mode=mode, **{"sandbox": True, **settings}),
    )
    saver = InMemorySaver(serde=serializer())
    made = Desk(sandbox, parsed, copy.deepcopy(body), service, Runs(service, saver), saver=saver)
    sandbox.faults.before.append(made.calls.append)
    return made


def bedrock(sandbox: Sandbox) -> BedrockModel:
    """The real model port over the sandbox's Converse."""
    runtime, control = (sandbox.client(name, ACCOUNT, REGION) for name in ("bedrock-runtime", "bedrock"))
    return BedrockModel(SANDBOX_MODEL, runtime, control, catalogue())
