"""What stays open: the lines of the actions that stand, less those that another one that stands closes."""

from collections.abc import Iterable, Sequence

from agent.catalogue import Catalogue, LeftOpen
from agent.plan import Change, PlannedAction
from agent.receipt import MAY_STAND, Outcome
from agent.report import Report, ReportedAction
from agent.target import Target, TargetKind

_SURE = (Outcome.DONE, Outcome.ALREADY)


def still_open(actions: Sequence[ReportedAction], made: Iterable[Target], catalogue: Catalogue) -> list[str]:
    """Each line once, sorted; of what was taken back or holds no more, what that opens again stands first.

    `made`: credentials that the contained made for others.
    """
    ours = [action for action in actions if action.receipt is not None and action.receipt.outcome in MAY_STAND]
    standing = [action.planned.change for action in ours if action.stands]
    closing = [action.planned.change for action in actions if _closes(action)]
    lines = {line for change in standing for line in lines_of(change, closing)}
    lines |= {_made_line(target) for target in made if ours and not _ended(target, standing)}
    return [*_open_again(ours, catalogue), *sorted(lines)]


def lines_of(change: Change, closing: Iterable[Change] = ()) -> list[str]:
    """The lines of one change that none of the others closes."""
    others = list(closing)
    return [
        line if isinstance(line, str) else line.text
        for line in change.leaves_open
        if isinstance(line, str) or not any(_closed(line, change.target, other) for other in others)
    ]


def lines_on_a_card(change: Change, asked: Iterable[PlannedAction], closing: Iterable[Change]) -> list[str]:
    """The lines of a change that is asked about: what another one that is asked about would close says so."""
    closed, told = list(closing), []
    for line in change.leaves_open:
        if isinstance(line, str):
            told.append(line)
        elif not any(_closed(line, change.target, other) for other in closed):
            by = [action.id for action in asked if _closed(line, change.target, action.change)]
            told.append(f"{line.text.rstrip('.')}, unless {' or '.join(by)} is done too." if by else line.text)
    return told


def refreshed(report: Report, catalogue: Catalogue) -> Report:
    """The report with what stays open now."""
    return report.model_copy(update={"leaves_open": still_open(report.actions, report.made_for_others, catalogue)})


def _closes(action: ReportedAction) -> bool:
    """Only what was read to hold, and that nobody tried to take back, closes anything for others."""
    receipt = action.receipt
    held = receipt is not None and receipt.outcome in _SURE and receipt.verification and receipt.verification.holds
    return bool(held) and action.in_place and action.undone is None


def _closed(line: LeftOpen, target: Target, other: Change) -> bool:
    """Whether the other change closes it: one that is named, about the same thing or the user whose key it is."""
    return other.action in line.closed_by and (other.target.key == target.key or _owns(other.target, target))


def _owns(user: Target, key: Target) -> bool:
    return user.kind is TargetKind.USER and (user.id, user.account) == (key.owner, key.account)


def _open_again(ours: Iterable[ReportedAction], catalogue: Catalogue) -> list[str]:
    told = []
    for action in ours:
        change = action.planned.change
        spec = catalogue.get(change.action)
        if spec is not None and spec.opens_again and not action.in_place:
            undone = action.undone is not None and action.undone.outcome is Outcome.UNDONE
            may = "" if undone else ", unless something else prevents it"
            told.append(
                f"Since {action.planned.id} {action.gone}{may}: {spec.opens_again.format(target=change.target.id)}"
            )
    return told


def _ended(made: Target, standing: Iterable[Change]) -> bool:
    """Whether the key itself or its user was contained."""
    changed = [change.target for change in standing]
    users = {target.id for target in changed if target.kind is TargetKind.USER and target.account == made.account}
    return made.key in {target.key for target in changed} or (made.owner or made.id) in users


def _made_line(made: Target) -> str:
    if made.kind is TargetKind.ACCESS_KEY:
        return f"The access key {made.id}, which was made for the user {made.owner} by somebody else, still works."
    return f"The user {made.id} may sign in by what somebody else set; nothing was done about that user."
