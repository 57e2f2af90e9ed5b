"""Turn the ids of a finding into typed targets; what is no well-formed id of its account is only named."""

import ipaddress
import re
from datetime import datetime

from pydantic import JsonValue, ValidationError

from agent.finding import Finding, Foreign, Lifecycle, Origin, Situation, Traffic
from agent.intake.moments import moment
from agent.intake.node import TEXT_LIMIT, Node, quote, untrusted
from agent.intake.place import Arn, Place, is_region
from agent.record import iso
from agent.secret_text import capped, without_secrets
from agent.target import GLOBAL, Target, TargetKind

NAMED_LIMIT = 50
NAME_LENGTH = 256
_GLOBAL_KINDS = frozenset({TargetKind.ACCESS_KEY, TargetKind.ROLE, TargetKind.ROLE_SESSION, TargetKind.USER})

_MAYBE_OF_NOBODY = frozenset({TargetKind.IMAGE, TargetKind.SNAPSHOT})
"""What AWS writes without an account (`arn:aws:ec2:eu-west-1::snapshot/snap-…`): it is taken for the finding's."""

_RESOURCES: dict[str, tuple[TargetKind, str, str]] = {
    "awscloudtrailtrail": (TargetKind.TRAIL, "cloudtrail", r"trail/(.+)"),
    "awsec2image": (TargetKind.IMAGE, "ec2", r"image/(ami-.+)"),
    "awsec2instance": (TargetKind.INSTANCE, "ec2", r"instance/(i-.+)"),
    "awsec2networkinterface": (TargetKind.INTERFACE, "ec2", r"network-interface/(eni-.+)"),
    "awsec2securitygroup": (TargetKind.GROUP, "ec2", r"security-group/(sg-.+)"),
    "awsec2snapshot": (TargetKind.SNAPSHOT, "ec2", r"snapshot/(snap-.+)"),
    "awsiamrole": (TargetKind.ROLE, "iam", r"role/(?:[^/]+/)*([^/]+)"),
    "awsiamuser": (TargetKind.USER, "iam", r"user/(?:[^/]+/)*([^/]+)"),
    "awskmskey": (TargetKind.KMS_KEY, "kms", r"key/(.+)"),
    "awslambdafunction": (TargetKind.FUNCTION, "lambda", r"function:([^:]+)(?::[^:]+)?"),
    "awsrdsdbinstance": (TargetKind.DATABASE, "rds", r"db:(.+)"),
    "awss3bucket": (TargetKind.BUCKET, "s3", r"([^/]+)"),
}
"""Resource type -> kind, the ARN's service, and where in the ARN the id stands."""

_BARE = {
    "awsec2image": r"ami-.+",
    "awsec2instance": r"i-.+",
    "awsec2networkinterface": r"eni-.+",
    "awsec2securitygroup": r"sg-.+",
    "awsec2snapshot": r"snap-.+",
    "awss3bucket": r"[^:/]+",
}
"""Ids that say by themselves what they are. An IAM name could as well be an AIDA… id, so it must come in an ARN."""

_TYPED = _BARE | {
    "awscloudtrailtrail": r"[^:/]+",
    "awsiamrole": r"(?!(?:AIDA|AROA)[A-Z0-9]{12,28}$)[^:/]+",
    "awsiamuser": r"(?!(?:AIDA|AROA)[A-Z0-9]{12,28}$)[^:/]+",
    "awskmskey": r"[^:/]+",
    "awslambdafunction": r"[^:/]+",
    "awsrdsdbinstance": r"(?!db-[A-Z0-9]{20,}$)[^:/]+",
}
"""Ids of a resource whose type the service itself states. AIDA…, AROA… and DB resource ids are no names, and no API takes them."""


def type_key(resource_type: str | None) -> str:
    """`AwsS3Bucket`, `AWS::S3::Bucket` and `AWS_S3_BUCKET` are one type."""
    return re.sub(r"[^a-z0-9]", "", (resource_type or "").lower())[:64]


def shown(text: str) -> str:
    """An id as the report may show it: ASCII, the rest escaped, bounded, and without secrets."""
    return ascii(without_secrets(capped(text, TEXT_LIMIT))[:NAME_LENGTH])[1:-1][:NAME_LENGTH]


class Naming:
    """Collects what one finding is about, in order and without repeats."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.targets: list[Target] = []
        self.addresses: list[Target] = []
        self.actors: list[str] = []
        self.named: list[str] = []
        self.foreign: list[Foreign] = []
        self.left_out: list[str] = []

    def add(
        self,
        kind: TargetKind,
        name: str | None,
        region: str | None = None,
        owner: str | None = None,
        unique_id: str | None = None,
    ) -> bool:
        """Add a target of the finding's own account; an id that is not well-formed is only named."""
        if not name:
            return False
        where = GLOBAL if kind in _GLOBAL_KINDS else region if is_region(region) else self.place.region
        target = self._target(kind, name, where or self.place.region, owner, unique_id)
        if target is None:
            self.name(name)
            self.leave_out(kind.replace("_", " "), "not a well-formed id", name)
            return False
        self._keep(target)
        return True

    def add_resource(
        self, resource_type: str | None, ids: list[str], region: str | None = None, where: str = "", typed: bool = False
    ) -> bool:
        """Add a resource by its type and the ids it goes by: an ARN, or an id that tells by itself what it is.

        `typed`: the service itself states the type, so that any well-formed id of it will do.
        """
        key = type_key(resource_type)
        if any(self.is_foreign(text, where) for text in ids):
            return False
        if key in _RESOURCES and any(self._add_known(key, text, region, _TYPED if typed else _BARE) for text in ids):
            return True
        for text in ids[:1]:
            self.name(text)
            if key in _RESOURCES:
                self.leave_out(where or str(resource_type), "not a well-formed id of its type and account", text)
        return False

    def address(self, value: JsonValue) -> Target | None:
        """Add an address that the service saw on the other side, as a network of one; nothing if it is none."""
        if not isinstance(value, str) or len(value) > 45 or "%" in value:
            return None
        try:
            found = ipaddress.ip_address(value)
        except ValueError:
            if re.fullmatch(r"[0-9A-Fa-f.:]+", value):  # a service or a word stands here too, and is no mistake
                self.leave_out("remote address", "not an IP address", value)
            return None
        found = getattr(found, "ipv4_mapped", None) or found
        if found.is_unspecified or found.is_loopback:
            return None
        target = self._target(TargetKind.ADDRESS, f"{found}/{found.max_prefixlen}", self.place.region, None)
        if target and target not in self.addresses:
            self.addresses.append(target)
        return target

    def attackers(self, situation: Situation, addresses: list[str]) -> None:
        """Of an attack from outside, whoever sent it is a target too, after what was attacked."""
        found = [self.address(text) for text in addresses] if situation is Situation.INBOUND_ATTACK else []
        self.targets += [target for target in dict.fromkeys(found) if target and target not in self.targets]

    def actor(self, name: str | None) -> None:
        """Note somebody who acted."""
        if name and len(self.actors) < NAMED_LIMIT and name[:NAME_LENGTH] not in self.actors:
            self.actors.append(name[:NAME_LENGTH])

    def name(self, text: str | None) -> None:
        """Name a resource for the report only: escaped, bounded, and at most so many."""
        if text and len(self.named) < NAMED_LIMIT and shown(text) not in self.named:
            self.named.append(shown(text))

    def leave_out(self, where: str, why: str, value: JsonValue) -> None:
        """Note for the report what was not understood: its place, and a bounded excerpt in which no character can act."""
        excerpt = quote(str(value)) if isinstance(value, str | int | float) else Node(value).kind
        note = f"{where[-120:]}: {why}: {excerpt}"
        if len(self.left_out) < NAMED_LIMIT and note not in self.left_out:
            self.left_out.append(note)

    def moment(self, *fields: Node) -> datetime | None:
        """The first of these fields that is a moment. What is there and is none is noted."""
        read = [(field, moment(field.value)) for field in fields if field.value not in (None, "")]
        for field, found in read:
            if found is None:
                self.leave_out(field.path, "not a date", field.value)
        return next((found for _, found in read if found), None)

    def version(self, *fields: Node) -> str:
        """When the service last changed the finding, written one way whatever road it came by."""
        changed = self.moment(*fields)
        return iso(changed) if changed else "unversioned"

    def is_foreign(self, text: str | None, where: str, owner: str | None = None) -> bool:
        """Whether the ARN, or the owner that is said, is of another account; if so it is named, with its place."""
        arn = Arn.parse(text)
        owner = owner or (arn.account if arn else "")
        if owner in ("", "aws", self.place.account):
            return False
        self.name(text)
        if len(self.foreign) < NAMED_LIMIT:
            self.foreign.append(Foreign(id=shown(text or "an unnamed resource"), where=where or "$"))
        return True

    def finding(
        self,
        *,
        key: str,
        version: str,
        origin: Origin,
        type: str,  # the record's own field
        situation: Situation,
        severity: int,
        title: str | None,
        description: str | None,
        seen: tuple[datetime | None, datetime | None] = (None, None),
        lifecycle: Lifecycle | None = None,
        traffic: Traffic | None = None,
        product_arn: str | None = None,
        hub_id: str | None = None,
    ) -> Finding:
        """The finding about what was collected. `seen`: first and last."""
        return Finding(
            key=key,
            version=version,
            origin=origin,
            type=type,
            situation=situation,
            account=self.place.account,
            region=self.place.region,
            partition=self.place.partition,
            severity=severity,
            title=untrusted(title),
            description=untrusted(description),
            first_seen=seen[0],
            last_seen=seen[1],
            targets=self.targets,
            actors=self.actors,
            remote_addresses=self.addresses,
            traffic=traffic,
            lifecycle=lifecycle or Lifecycle(),
            product_arn=product_arn,
            hub_id=hub_id,
            named_resources=self.named,
            foreign_resources=self.foreign,
            left_out=self.left_out,
        )

    def ours(self, arn: Arn) -> bool:
        """Whether the ARN is of the finding's account and partition; an empty account is nobody else's."""
        return arn.partition == self.place.partition and arn.account in ("", self.place.account)

    def _add_known(self, key: str, text: str, region: str | None, bare: dict[str, str]) -> bool:
        kind, service, pattern = _RESOURCES[key]
        arn = Arn.parse(text)
        if arn is None:
            return key in bare and re.fullmatch(bare[key], text) is not None and self._fits(kind, text, region)
        found = re.fullmatch(pattern, arn.resource)
        if arn.service != service or not self.ours(arn) or found is None:
            return False
        # S3 leaves the account out, and so may snapshots and images; S3 and IAM the Region. Any other ARN is not a real one.
        if not arn.account and service != "s3" and kind not in _MAYBE_OF_NOBODY:
            return False
        if (arn.account and service == "s3") or (not arn.region) != (service in ("s3", "iam")):
            return False
        return self._fits(kind, found[1], arn.region or region)

    def _fits(self, kind: TargetKind, name: str, region: str | None) -> bool:
        where = GLOBAL if kind in _GLOBAL_KINDS else region if is_region(region) else None
        return self._target(kind, name, where or self.place.region, None) is not None and self.add(kind, name, region)

    def _keep(self, target: Target) -> None:
        """Once. A user is one target, with the first unique id that is given of it."""
        users = [each.key if each.kind is TargetKind.USER else "" for each in self.targets]
        if target.key not in users:
            self.targets += [target] if target not in self.targets else []
        elif (known := self.targets[users.index(target.key)]).unique_id is None:
            self.targets[users.index(target.key)] = target
        elif target.unique_id not in (None, known.unique_id):
            self.leave_out(f"user {target.id}", "another unique id of the same name", target.unique_id)

    def _target(
        self, kind: TargetKind, name: str, region: str, owner: str | None, unique_id: str | None = None
    ) -> Target | None:
        if not name.isascii() or (kind is TargetKind.BUCKET and ".." in name):
            return None
        try:
            return Target(
                kind=kind,
                id=name,
                account=self.place.account,
                region=region,
                partition=self.place.partition,
                owner=owner if owner and owner.isascii() and re.fullmatch(r"[\w+=,.@-]{1,128}", owner) else None,
                unique_id=unique_id,
            )
        except ValidationError:
            return None
