"""The bundled policies are what they say they are."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from policy_world import CATALOGUE, bundled_policies, facts

import agent
from agent.policy import Policies, check, run_examples
from agent.policy.examples import failures, load_examples
from agent.policy.request import APPROVAL_FACTS
from agent.policy.source import walk
from agent.target import TargetKind
from agent.verdict import Facts, Known, Need, Ruling


def test_the_bundled_policies_have_no_fault() -> None:
    assert check(catalogue=CATALOGUE) == []


def test_every_bundled_example_comes_out_as_it_says() -> None:
    assert run_examples(catalogue=CATALOGUE) == []


def test_there_are_examples_of_all_three_outcomes_for_every_action() -> None:
    seen = {(ready.facts.action, ready.example.ruling) for ready in load_examples() if ready.facts.direction == "do"}
    offered = {(spec.id, ruling) for spec in CATALOGUE.offered for ruling in Ruling}
    assert offered - seen == set()


def test_an_example_that_expects_something_else_is_reported_with_what_came_out() -> None:
    ready = next(ready for ready in load_examples() if ready.example.policies == ["break-glass"])
    wrong = ready.model_copy(
        update={"example": ready.example.model_copy(update={"ruling": Ruling.ALLOW, "policies": ["auto-contain"]})}
    )
    assert failures(bundled_policies(), [wrong]) == [
        f"protect.yaml: {ready.example.name}: ruling deny, not allow; policies [break-glass], not [auto-contain]"
    ]


@pytest.mark.parametrize(
    ("name", "values"),
    [("kind", [kind.value for kind in TargetKind]), ("known", [known.value for known in Known])],
)
def test_the_schema_knows_every_value_of_an_enumeration(name: str, values: list[str]) -> None:
    for value in values:
        different = {"target_kind": value} if name == "kind" else {"protected": value}
        subject = facts(**different)
        decision = bundled_policies().enforced.decide([(subject, Need(count=0))])[0]
        assert decision.errors == [], value


def test_every_fact_is_read_by_a_policy_or_named_here_as_context_only() -> None:
    read = {name for policy in bundled_policies().all for name in policy.facts}
    for_the_operator = {"now", "action", "target_key", "direction"}
    assert set(Facts.model_fields) - read - for_the_operator == set()


def test_only_asking_policies_look_at_approvals_and_they_all_do() -> None:
    looking = {policy.id for policy in bundled_policies().all if APPROVAL_FACTS & set(policy.facts)}
    asking = {policy.id for policy in bundled_policies().all if policy.outcome == "ask"}
    assert looking == asking | {"approved-contain", "undo-approved", "close-approved"}


def test_the_guide_names_every_fact_and_every_policy() -> None:
    guide = (Path(agent.__file__).parent.parent / "docs" / "policy.md").read_text(encoding="utf-8")
    wanted = [*Facts.model_fields, *(policy.id for policy in bundled_policies().all)]
    assert [name for name in wanted if f"`{name}`" not in guide] == []


def test_the_policy_that_the_guide_writes_works_as_the_guide_says(tmp_path: Path) -> None:
    guide = (Path(agent.__file__).parent.parent / "docs" / "policy.md").read_text(encoding="utf-8")
    texts = [text for _, text in re.findall(r"```(cedar|yaml)\n(.*?)```", guide, re.DOTALL) if "night" in text]
    place = tmp_path / "policy"
    shutil.copytree(Path(agent.__file__).parent / "policy", place)
    (place / "night.cedar").write_text(texts[0].replace('@mode("shadow")\n', ""), encoding="utf-8")
    (place / "examples" / "night.yaml").write_text(texts[1], encoding="utf-8")
    assert check(place, catalogue=CATALOGUE) == []
    assert run_examples(place, catalogue=CATALOGUE) == []

    (place / "night.cedar").write_text(texts[0], encoding="utf-8")
    verdict = Policies.load(place, catalogue=CATALOGUE).judge("A1", facts(now="2026-11-24T03:00:00Z"))
    assert (verdict.ruling, verdict.shadow) == (Ruling.ALLOW, ["night-identities"])


def test_policies_load_from_a_zip(tmp_path: Path) -> None:
    root = Path(agent.__file__).parent
    archive = tmp_path / "stanch.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                zipped.write(path, Path("agent") / path.relative_to(root))
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from agent.catalogue import Catalogue\n"
        "from agent.policy import check\n"
        "from agent.policy.source import bundled\n"
        "catalogue = Catalogue.model_validate_json(sys.argv[2])\n"
        "print(type(bundled()).__module__, check(catalogue=catalogue))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter, our own program
        [sys.executable, "-c", program, str(archive), CATALOGUE.model_dump_json()],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.strip().endswith("[]")
    assert "zipfile" in done.stdout


def test_walking_a_policy_visits_the_policy_itself_first() -> None:
    tree = bundled_policies().all[0].template
    assert next(iter(walk(tree))) == tree
