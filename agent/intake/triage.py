"""Whether a well-formed finding is ours to work on: samples, echoes, forgeries and what is settled are passed over."""

import re
from collections.abc import Mapping
from datetime import datetime

from agent.finding import Finding, Origin, Reason, Refusal
from agent.intake.hub import AWS_PRODUCT
from agent.intake.moments import moment
from agent.intake.node import DETAIL_LIMIT, quote
from agent.record import iso
from agent.target import GLOBAL


def triage(
    finding: Finding,
    *,
    served: Mapping[str, list[str]] | None,
    minimum_severity: int,
    samples_are_real: bool,
    our_name: str,
    since: datetime | None = None,
    heeds_note: bool = True,
) -> Refusal | None:
    """Why this finding is not worked on, or nothing. What makes it not ours at all is said first.

    `served`: Regions by account, none for all of them; None: every account is served.
    `our_name` is what we sign notes in Security Hub with; `heeds_note`: whether our note makes a finding an echo.
    `since`: what showed its last sign of life before then is old.
    """
    refusal = _not_ours(finding, served) or _settled(finding, samples_are_real, our_name, heeds_note)
    if refusal is not None:
        return refusal
    if finding.foreign_resources and not finding.targets:
        first = finding.foreign_resources[0]
        detail = f"{quote(first.id, 120)} is not a resource of the finding's account {finding.account}"
        return Refusal(reason=Reason.FOREIGN_RESOURCE, where=first.where, detail=detail[:DETAIL_LIMIT])
    if finding.severity < minimum_severity:
        detail = f"severity {finding.severity} is below {minimum_severity}"
        return Refusal(reason=Reason.BELOW_SEVERITY, where="severity", detail=detail)
    return None if since is None else _old(finding, since)


def _old(finding: Finding, since: datetime) -> Refusal | None:
    """What says of no moment when it was is taken for new."""
    signs = [sign for sign in (finding.last_seen, moment(finding.version)) if sign is not None]
    if not signs or max(signs) >= since:
        return None
    detail = f"last seen {iso(max(signs))}, before {iso(since)}, from when on findings are worked"
    return Refusal(reason=Reason.OLD, where="last_seen", detail=detail)


def _settled(finding: Finding, samples_are_real: bool, our_name: str, heeds_note: bool) -> Refusal | None:
    life = finding.lifecycle
    table = [
        (life.sample and not samples_are_real, Reason.SAMPLE, "sample", "a sample finding"),
        (life.archived, Reason.ARCHIVED, "archived", "archived"),
        (life.workflow == "suppressed", Reason.SUPPRESSED, "workflow", "suppressed"),
        (
            life.workflow == "resolved" and not _active_again(finding, our_name),
            Reason.RESOLVED,
            "workflow",
            "already resolved",
        ),
        (life.compliance == "passed", Reason.PASSED, "compliance", "the check passed"),
        (heeds_note and _is_echo(finding, our_name), Reason.ECHO, "note_by", "our own update of the finding"),
    ]
    for holds, reason, field, detail in table:
        if holds:
            return Refusal(reason=reason, where=f"lifecycle.{field}", detail=detail)
    return None


def _not_ours(finding: Finding, served: Mapping[str, list[str]] | None) -> Refusal | None:
    product = finding.product_arn
    if product is not None and not AWS_PRODUCT.fullmatch(product):
        # Whoever may import findings in an account can write any under that account's products.
        own = re.search(r"[:/][0-9]{12}[:/]", product)
        reason, whose = (Reason.FORGED_PRODUCT, "an account's own") if own else (Reason.NOT_AWS, "not an AWS")
        return Refusal(reason=reason, where="product_arn", detail=f"{whose} product: {quote(product, 120)}")
    if finding.origin is Origin.THIRD_PARTY:
        return Refusal(reason=Reason.NOT_AWS, where="origin", detail="found by a product that is not an AWS service")
    return None if served is None else _not_served(finding, served)


def _not_served(finding: Finding, served: Mapping[str, list[str]]) -> Refusal | None:
    regions = served.get(finding.account)
    if regions is None:
        detail = (
            f"account {finding.account} is not in the registry: "
            "list it under `accounts` there (STANCH_REGISTRY names the file; a world has its own)"
        )
        return Refusal(reason=Reason.ACCOUNT_NOT_SERVED, where="account", detail=detail)
    if regions and finding.region not in (GLOBAL, *regions):
        detail = f"Region {finding.region} is not one that the registry has for account {finding.account}"
        return Refusal(reason=Reason.REGION_NOT_SERVED, where="region", detail=detail)
    return None


def _active_again(finding: Finding, our_name: str) -> bool:
    """A threat that we resolved and that its service has seen again since: Security Hub leaves that resolved.

    A check that fails again Security Hub itself makes new.
    """
    ours = finding.lifecycle.note_by == our_name and finding.lifecycle.compliance is None
    return ours and finding.lifecycle.note_at is not None and not _is_echo(finding, our_name)


def _is_echo(finding: Finding, our_name: str) -> bool:
    """Our note is on it, and the service has not changed the finding since we wrote it."""
    if finding.lifecycle.note_by != our_name:
        return False
    changed, noted = moment(finding.version), finding.lifecycle.note_at
    return changed is None or noted is None or changed <= noted
