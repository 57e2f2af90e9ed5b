"""A walk through a thread, as Studio's page makes it, without the page: `python docs/studio_tour.py` beside `make studio`."""

import sys
from typing import Any

import httpx
from langgraph_sdk import get_sync_client
from rich.console import Console

say = Console(highlight=False, markup=False, soft_wrap=True).print
URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:2024"
client = get_sync_client(url=URL, api_key=None)
GRAPH, BUCKET = "stanch", 1
"""The graph of langgraph.json, and the place of the public bucket among the form's examples."""


def example() -> Any:
    """An event out of the input form's own examples."""
    [assistant] = client.assistants.search()
    form: Any = client.assistants.get_schemas(assistant["assistant_id"])["input_schema"]
    return form["properties"]["event"]["examples"][BUCKET]


def step(node: str, made: Any) -> str:
    """What one node wrote into the state."""
    if node == "investigate":
        return ", ".join(f"{source}: {answer['standing']}" for source, answer in made["evidence"].items())
    return ", ".join(slot for slot, value in made.items() if value and value != {"value": {}, "type": "__overwrite__"})


def state(thread: str) -> Any:
    """The thread as it stands."""
    return client.threads.get_state(thread)


def said(thread: str) -> str:
    """What the thread's report says."""
    report = state(thread)["values"]["report"]
    return f"{report['status']}: {report['reason']}"


def approve(thread: str) -> None:
    """Answer the question of a thread, which has one action."""
    client.runs.wait(thread, GRAPH, command={"resume": {"decisions": [{"type": "approve"}]}})


def past(thread: str, node: str) -> Any:
    """The latest checkpoint from which that node comes next."""
    return next(at["checkpoint"] for at in client.threads.get_history(thread, limit=50) if at["next"] == [node])


def served() -> bool:
    """Whether what answers there is LangGraph's server with this graph."""
    try:
        return [one["graph_id"] for one in client.assistants.search()] == [GRAPH]
    except (httpx.HTTPError, ValueError, TypeError, KeyError):
        return False


def main() -> None:
    """Paste, look, approve, look back, run again, fork."""
    if not served():
        sys.exit(f"no Stanch answers at {URL}: start `make studio`, and name another address as the argument")
    say("# paste the example of a public bucket")
    thread = client.threads.create()["thread_id"]
    for part in client.runs.stream(thread, GRAPH, input={"event": example()}, stream_mode="updates"):
        for node, made in part.data.items() if part.event == "updates" else ():
            if node != "__interrupt__":
                say(f"  {node:12} {step(node, made)}")

    say("\n# the question")
    [question] = state(thread)["interrupts"]
    for action in question["value"]["action_requests"]:
        say(f"  {action['description']}\n  now: {action['change']['before']}")

    say("\n# approve it")
    approve(thread)
    say(f"  {said(thread)}")

    say("\n# look back: what came next at each step, the latest first")
    history = client.threads.get_history(thread, limit=50)
    say("  " + " < ".join(at["next"][0].strip("_") if at["next"] else "end" for at in history))

    say("\n# run again from just before the write")
    client.runs.wait(thread, GRAPH, input=None, checkpoint=past(thread, "execute"))
    say(f"  {said(thread)}\n  called to execute: {state(thread)['values']['report']['calls']['execute']}")

    say("\n# fork at the question, and approve once more")
    client.threads.update_state(thread, None, checkpoint=past(thread, "approve"))
    client.runs.wait(thread, GRAPH, input=None)
    approve(thread)
    say(f"  {said(thread)}")


if __name__ == "__main__":
    main()
