"""Severity on one scale, 0 to 100, from the words and numbers of the services.

Labels take the lower bound that Security Hub documents for them; GuardDuty's 0-10 is multiplied by ten. A severity that
is not said, or is unknown, counts as medium: it is neither dropped nor urgent.
"""

import math

from pydantic import JsonValue

from agent.intake.node import Node

UNSAID = 40
LABELS = {"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90, "UNTRIAGED": UNSAID}
OCSF = {1: 0, 2: 1, 3: 40, 4: 70, 5: 90, 6: 100}
MACIE = {1: 1, 2: 40, 3: 70}


def number(value: JsonValue) -> float | None:
    """The finite number, if it is one, or a string that holds one."""
    if isinstance(value, str) and len(value) <= 16:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # An integer may be too large for a float.
    return float(value) if abs(value) < 1e12 and math.isfinite(value) else None


def labelled(node: Node) -> int | None:
    """The severity behind a label such as `HIGH`."""
    return LABELS.get((node.text or "").upper())


def worded(node: Node) -> int:
    """The severity behind a label, medium where none is said."""
    found = labelled(node)
    return UNSAID if found is None else found


def of_ten(node: Node) -> int:
    """GuardDuty's own: a number from 0 to 10."""
    if node.value is None:
        return UNSAID
    value = number(node.value) if not isinstance(node.value, str) else None
    if value is None or not 0 <= value <= 10:
        raise node.malformed("not a number from 0 to 10")
    return round(value * 10)


def of_asff(finding: Node) -> int:
    """The provider's own first: the finding's top-level severity can be edited by others."""
    for node in (finding.at("FindingProviderFields", "Severity"), finding.at("Severity").object()):
        normalised = number(node.at("Normalized").value)
        if normalised is not None and 0 <= normalised <= 100:
            return round(normalised)
        label, original = labelled(node.at("Label")), number(node.at("Original").value)
        if label is not None:
            scaled = round(original * 10) if original is not None and 0 <= original <= 10 else 0
            return max(label, scaled if _same_band(label, scaled) else 0)
    return UNSAID


def of_ocsf(finding: Node) -> int:
    """The vendor's own first, then the finding's."""
    for node in (finding.at("vendor_attributes", "severity_id"), finding.at("severity_id")):
        value = number(node.value)
        if value is not None and value in OCSF:
            return OCSF[int(value)]
    return UNSAID


def of_macie(node: Node) -> int:
    """Macie's word, or its score of 1 to 3."""
    label = labelled(node.object().at("description"))
    score = number(node.at("score").value)
    return label if label is not None else MACIE.get(int(score), UNSAID) if score is not None else UNSAID


def _same_band(label: int, scaled: int) -> bool:
    """Whether a provider's number lies in the band of its label, so that it only refines it."""
    ceilings = {0: 0, 1: 39, 40: 69, 70: 89, 90: 100}
    return label <= scaled <= ceilings[label]
