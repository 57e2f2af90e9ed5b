"""The page of a card: all its runs are shown, and a signed-in person answers each ticked one with its own digest."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from desk import BUCKET, BUCKET_WORLD, REGION, about, desk, event, world
from functions import approvals

from agent.report import Status
from agent.verdict import Mode
from graphs.cards import grouped, waiting
from graphs.notify import card_link, card_message
from graphs.tokens import card_form_token, card_link_token
from tools.ledger import Ask, Card

ACCOUNT = "111122223333"
BUCKETS = [BUCKET, "example-second", "example-third"]
MANY = world(
    BUCKET_WORLD,
    *((f"s3.buckets.{n}", {"name": name, "policy": "public_read"}) for n, name in enumerate(BUCKETS[1:], 2)),
    ("registry.accounts.111122223333.owner", "<b>team</b>"),
)
SCRIPT = "</q><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.exe"
PUT = "s3:PutPublicAccessBlock"


def iam(name: str) -> Any:
    return {"iam": {"userArn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "accountId": ACCOUNT}}


ROSA = iam("rosa")


def found(bucket: str) -> Any:
    body = about(bucket, event("securityhub_s3_public"))
    (one,) = body["detail"]["findings"]
    one["Id"] += f"-{bucket}"
    one["Title"] = SCRIPT
    return body


@dataclass
class Site:
    """Three waiting runs on one card, and its page as a browser meets it."""

    folder: Path
    patch: pytest.MonkeyPatch
    handler: Callable[[Any], Any] = field(init=False)

    def __post_init__(self) -> None:
        self.at = desk(self.folder, MANY, found(BUCKETS[0]), Mode.APPROVE)
        for bucket in BUCKETS:
            self.at.arrives(found(bucket))
            self.at.deliver(found(bucket))
        (self.card,) = grouped(waiting(self.at.service.ledger), self.at.service.registry, self.at.sandbox.now())
        self.at.service.ledger.show(self.card)
        self.handler = approvals(self.at, self.folder, self.patch)
        self.at.calls.clear()

    def send(self, method: str, who: Any = None, form: Any = None, token: bool = True, card: Card | None = None) -> Any:
        named = card or self.card
        parts = urlsplit(card_link(named, "https://approvals.example.com", self.at.service.approval_key))
        context: dict[str, Any] = {"http": {"method": method}} | ({} if who is None else {"authorizer": who})
        return self.handler(
            {
                "version": "2.0", "rawPath": parts.path, "rawQueryString": parts.query if token else "",
                "requestContext": context, "headers": {"Content-Type": "application/x-www-form-urlencoded"},
                "body": urlencode(form or {}, doseq=True),
            }
        )  # fmt: skip

    def form(self, who: Any = ROSA, **changes: Any) -> Any:
        """What the page's own form would send."""
        shown = self.send("GET", who)["body"]
        token = re.search(r'name="token" value="(\w+)"', shown)
        ticked = re.findall(r'name="run" value="([\w-]+)"', shown)
        return {"token": token[1] if token else "", "run": ticked, "decision": "approve"} | changes

    @property
    def statuses(self) -> list[Status | None]:
        rows = [self.at.service.ledger.run(ask.run_id) for ask in self.card.asks]
        return [row.status if row else None for row in rows]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def test_whoever_has_the_link_sees_every_run_and_can_do_nothing(site: Site) -> None:
    answer = site.send("GET")
    assert answer["statusCode"] == 200
    for word in (*BUCKETS, *(ask.run_id for ask in site.card.asks), *(ask.digest for ask in site.card.asks), "sign in"):
        assert word in answer["body"], word
    assert answer["body"].count("The finding says:") == answer["body"].count("Way back: exact") == 3
    assert "<form" not in answer["body"]
    assert (site.statuses, site.at.calls) == ([Status.AWAITING_APPROVAL] * 3, [])


def test_a_listed_person_answers_each_run_with_its_own_digest(site: Site) -> None:
    answer = site.send("POST", ROSA, site.form(reason="all of them"))
    assert (answer["statusCode"], site.statuses) == (200, [Status.CONTAINED] * 3)
    assert site.at.writes.count(PUT) == 3
    for ask in site.card.asks:
        (given,) = site.at.service.ledger.answers(ask.run_id, ask.digest)
        assert (given.by, given.reason, given.digest) == ("rosa", "all of them", ask.digest)
        assert ask.run_id in answer["body"]
    again = site.send("POST", ROSA, site.form())
    assert (again["statusCode"], site.at.writes.count(PUT)) == (403, 3), "nothing is open, so there is no form"


def test_what_is_not_ticked_is_left(site: Site) -> None:
    first, *others = [ask.run_id for ask in site.card.asks]
    answer = site.send("POST", ROSA, site.form(run=[first], decision="reject"))
    assert (answer["statusCode"], site.statuses) == (200, [Status.REJECTED] + [Status.AWAITING_APPROVAL] * 2)
    assert answer["body"].count("it was not ticked") == len(others)
    assert site.at.writes.count(PUT) == 0
    shown = site.send("GET", ROSA)["body"]
    assert re.findall(r'name="run" value="([\w-]+)"', shown) == others
    assert "the run is rejected" in shown


def test_a_run_that_asks_for_something_else_is_shown_so_and_not_answered(site: Site) -> None:
    """It drifted while the page was open: the others are answered."""
    first, second, third = site.card.asks
    form = site.form()
    bucket = BUCKETS[0]
    for ask in site.card.asks:
        request = site.at.service.ledger.request(ask.run_id)
        assert request is not None
        if request.actions[0].change.target.id == bucket:
            changed = ask
    site.at.sandbox.client("s3", ACCOUNT, REGION).put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    report = site.at.service.ledger.report(changed.run_id)
    assert report is not None
    assert site.at.say("approve", report, by="mei").status is Status.AWAITING_APPROVAL
    shown = site.send("GET", ROSA)["body"]
    assert shown.count("It asks for something else by now") == 1
    assert changed.run_id not in re.findall(r'name="run" value="([\w-]+)"', shown)
    site.at.calls.clear()
    answer = site.send("POST", ROSA, form)
    assert (answer["statusCode"], "not all answered" in answer["body"]) == (409, True)
    assert "it asks for something else by now: look at it again" in answer["body"]
    assert sorted(map(str, site.statuses)) == ["awaiting_approval", "contained", "contained"]
    assert site.at.writes.count(PUT) == 2
    assert {first.run_id, second.run_id, third.run_id} >= {changed.run_id}


NOBODIES = {"nobody": None, "a user who is not listed": iam("eve"), "somebody else with rosa's form": iam("mei")}


@pytest.mark.parametrize("name", NOBODIES)
def test_nobody_else_decides(site: Site, name: str) -> None:
    answer = site.send("POST", NOBODIES[name], site.form())
    assert (answer["statusCode"], site.statuses) == (403, [Status.AWAITING_APPROVAL] * 3)


def test_a_form_that_is_not_the_page_s_own_decides_nothing(site: Site) -> None:
    key = site.at.service.approval_key
    wider = site.card.model_copy(update={"asks": [*site.card.asks, Ask(run_id="run-000000000000", digest="d")]})
    bad = [
        {"token": card_link_token(key, site.card)}, {"token": card_form_token(key, wider, "rosa")}, {"token": ""},
        {"decision": "edit"}, {"decision": ["approve", "reject"]}, {"run": []}, {"run": ["run-000000000000"]},
    ]  # fmt: skip
    for changes in bad:
        assert site.send("POST", ROSA, site.form(**changes))["statusCode"] in (400, 403), changes
    gone = site.card.model_copy(update={"id": "card-000000000000"})
    assert site.send("GET", ROSA, card=gone)["statusCode"] == 403
    assert site.send("GET", token=False)["statusCode"] == 403
    assert site.send("GET", ROSA, token=False)["statusCode"] == 200
    assert (site.statuses, site.at.writes) == ([Status.AWAITING_APPROVAL] * 3, [])


def test_others_words_are_quoted_and_never_markup(site: Site) -> None:
    shown = site.send("GET", ROSA)
    for word in ("<script", "<img", "\u202e", "<b>team"):
        assert word not in shown["body"], word
    assert "&lt;b&gt;team&lt;/b&gt;" in shown["body"]
    quoted = re.findall(r"The finding says:</span> <q><bdi>(.*?)</bdi></q>", shown["body"])
    assert [html.unescape(each).startswith("</q><script>") for each in quoted] == [True] * 3
    assert shown["headers"]["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")


def test_the_message_about_a_card_has_its_link(site: Site) -> None:
    key = site.at.service.approval_key
    text = card_message(site.card, 0, "https://approvals.example.com/", key)
    wanted = f"https://approvals.example.com/approvals/{site.card.id}?token={card_link_token(key, site.card)}"
    assert text.splitlines()[-1] == f"Look and answer: {wanted}"
    assert card_message(site.card, 0).splitlines()[-1] == f"Look: stanch approvals show {site.card.id}"


def test_the_message_about_a_card_has_no_other_link(site: Site) -> None:
    told = site.card.model_copy(update={"control": "https://evil.example.com", "owner": "evil-.example"})
    line = card_message(told, 0).splitlines()[0]
    assert line.endswith(": https[:]//evil[.]example[.]com, owner evil-[.]example")


def test_after_the_time_nothing_is_answered(site: Site) -> None:
    form = site.form()
    site.at.wait(hours=2)
    assert "Its time was over" in site.send("GET", ROSA)["body"]
    answer = site.send("POST", ROSA, form)
    assert (answer["statusCode"], answer["body"].count("its time was over")) == (409, len(site.card.asks))
    assert [site.at.service.ledger.answers(ask.run_id, ask.digest) for ask in site.card.asks] == [[]] * len(
        site.card.asks
    )
    assert site.at.writes.count(PUT) == 0
