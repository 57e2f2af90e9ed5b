"""What the docs show to do by hand is done here as it stands there."""

import logging
import os
import re
import runpy
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest
from desk import ACCOUNT, REGION, USER_WORLD, Desk, desk, event
from test_approval_page import BOTH, ROSA, Site

from agent.report import Status
from graphs.entrypoints import deployed, screened
from tools.sandbox.serving import serving

DOCS = Path(__file__).parents[2] / "docs"
EVENT = Path(__file__).parents[1] / "data" / "events" / "guardduty_credential_abuse.json"
CURL = """#!/bin/sh
printf '%s\\0' "$@" > "asked.$(ls | grep -c asked)"
cat page.html
"""


def block(page: str, language: str) -> str:
    """The only fenced block of that language on a page."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def asked(folder: Path, number: int) -> list[str]:
    """The arguments that curl was given, the n-th time."""
    return (folder / f"asked.{number}").read_text(encoding="utf-8").split("\0")[:-1]


def test_the_curl_of_the_docs_looks_at_a_card_and_approves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A curl of ours writes down what it was asked; its form goes to the handler as curl would send it."""
    site = Site(tmp_path, monkeypatch)
    folder = tmp_path / "shell"
    folder.mkdir()
    (folder / "page.html").write_text(site.send("GET", ROSA)["body"], encoding="utf-8")
    (folder / "curl").write_text(CURL, encoding="utf-8")
    (folder / "curl").chmod(0o700)
    given = {"PATH": f"{folder}:{os.environ['PATH']}", "LINK": site.link, "AWS_REGION": REGION}
    (folder / "lines.sh").write_text(block("deploy.md", "sh"), encoding="utf-8")
    subprocess.run(["/bin/sh", "lines.sh"], cwd=folder, env=given, check=True, capture_output=True)
    look, answer = asked(folder, 0), asked(folder, 1)
    assert (look[-1], site.link in answer) == (site.link, True)
    fields = [value for name, value in pairwise(answer) if name in ("--data", "--data-urlencode")]
    form = urlencode(parse_qs("&".join(fields)), doseq=True)
    assert site.send("POST", ROSA, form=form)["statusCode"] == 200
    assert (site.status(), site.at.changes) == (Status.CONTAINED, BOTH)


def test_every_field_of_the_page_s_form_is_in_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = set(re.findall(r'name="(\w+)"', Site(tmp_path, monkeypatch).send("GET", ROSA)["body"])) - {"viewport"}
    table = (DOCS / "deploy.md").read_text(encoding="utf-8").partition("| field | says |")[2]
    assert names == {"token", "decision", "action", "reason"}
    assert [name for name in names if f"| `{name}`" not in table] == []


@pytest.fixture
def unopened() -> Iterator[None]:
    """Functions that have opened nothing yet, and that keep nothing open afterwards."""
    level = logging.getLogger("stanch").level
    yield
    deployed._OPEN.close()
    for made in (deployed._made, screened.chosen, screened._registry):
        made.cache_clear()
    logging.getLogger("stanch").setLevel(level)


@pytest.mark.usefixtures("unopened")
def test_the_lines_of_the_docs_run_all_four_handlers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at: Desk = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse"))
    (tmp_path / "finding.json").write_bytes(EVENT.read_bytes())
    (tmp_path / "registry.yaml").write_text(at.world.registry.model_dump_json(), encoding="utf-8")
    with serving(at.sandbox, ACCOUNT, REGION) as endpoint:
        keys = endpoint.credentials
        for name, value in {
            "AWS_ENDPOINT_URL": endpoint.url, "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret, "AWS_SESSION_TOKEN": keys.token or "", "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "STANCH_MODE": "approve",
            "STANCH_HOME": str(tmp_path / "home"), "STANCH_REGISTRY": str(tmp_path / "registry.yaml"),
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "by_hand.py").write_text(block("lambda.md", "python"), encoding="utf-8")
        runpy.run_path(str(tmp_path / "by_hand.py"))
    said = capsys.readouterr().out
    assert said.startswith("awaiting_approval {'batchItemFailures': []} awaiting_approval 200 {'settled': {}"), said
