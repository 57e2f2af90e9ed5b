"""`stanch standing`: the containments that stand, and writes of which nobody knows whether they took effect."""

from graphs.entrypoints.cli_explain import how_to_go_on, unknown
from graphs.entrypoints.opening import ledgers, nothing, now_in
from graphs.entrypoints.printing import moment, out, row, shown, where
from graphs.undo import expiry
from tools.action import catalogue
from tools.ledger import Ledger


def standing() -> None:
    """List the containments that stand, and the writes of dead runs whose outcome nobody knows."""
    shown_any = [_list(ledger, sandbox) for sandbox, ledger in ledgers().items()]
    if not any(shown_any):
        out.print(nothing("Nothing stands."), soft_wrap=True)


def _list(ledger: Ledger, sandbox: bool) -> bool:
    """Whether there was anything to say."""
    receipts = [one for one in ledger.standing() if (spec := catalogue().get(one.change.action)) and spec.offered]
    for receipt in receipts:
        change = receipt.change
        out.print(f"[bold]{receipt.run_id}[/] {receipt.action_id}{where(sandbox)}")
        row("stands", f"{change.action} on {shown(change.target.words)}, since {moment(receipt.at)}")
        until = expiry(change, catalogue().get(change.action))
        if until is not None:
            row("until", f"{moment(until)}: {who_ends_it(sandbox)}")
    unsettled = ledger.unsettled(now_in(ledger, sandbox=sandbox))
    for one in unsettled:
        out.print(f"[bold]{one.run_id}[/] [red]outcome unknown[/]{where(sandbox)}")
        row("unknown", unknown(one))
        row("go on", how_to_go_on(sandbox))
    return bool(receipts or unsettled)


def who_ends_it(sandbox: bool) -> str:
    """What takes back what was put in place for a time."""
    here = " --sandbox" if sandbox else ""
    return f"then the next `stanch sweep{here}` takes it back, or the clock on Lambda, if no other run needs it"
