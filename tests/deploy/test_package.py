"""What the package is made from, worked out without building it."""

import sys
import zipfile
from pathlib import Path

import pytest
from stack import DEPLOY, stack

sys.path.insert(0, str(DEPLOY))
import package  # a script, in no package

TARGET = package.target("3.13", "x86_64")
LOCK = (DEPLOY.parent / "requirements.lock").read_text(encoding="utf-8")


def test_what_runs_is_shipped_and_what_tests_is_not() -> None:
    names = package.wanted(TARGET)
    assert {"boto3", "cedarpy", "langgraph", "langchain-aws", "pydantic-core", "langgraph-checkpoint-aws"} <= names
    assert names & {"moto", "pytest", "mypy", "cfn-lint", "aws-sam-translator", "policy-sentry", "setuptools"} == set()


def test_every_distribution_comes_with_its_hashes_in_one_version() -> None:
    names = package.wanted(TARGET)
    lines = package.locked(LOCK, names, TARGET)
    assert len(lines) == len(names)
    assert [line for line in lines if "--hash=sha256:" not in line or "==" not in line] == []


def test_the_lock_s_lines_are_chosen_for_the_runtime_and_not_for_this_python() -> None:
    older = 'some==1 ; python_full_version < "3.12" \\\n    --hash=sha256:aa'
    lock = older + '\nsome==2 ; python_full_version >= "3.12" \\\n    --hash=sha256:bb'
    assert package.locked(lock, {"some"}, package.target("3.11", "x86_64")) == ["some==1 --hash=sha256:aa"]
    assert package.locked(lock, {"some"}, package.target("3.13", "x86_64")) == ["some==2 --hash=sha256:bb"]


def test_a_distribution_that_is_not_locked_stops_the_build() -> None:
    with pytest.raises(SystemExit, match="has no unheard-of: run `make lock`"):
        package.locked(LOCK, {"unheard-of"}, TARGET)


def test_neither_the_sandbox_nor_what_needs_it_is_shipped() -> None:
    shipped = {path.relative_to(package.ROOT).as_posix() for path in package.own_files()}
    assert {
        "agent/policy/permit.cedar",
        "tools/actions/iam_deny_user.py",
        "graphs/bootstrap.py",
        "tools/__init__.py",
    } <= shipped
    assert [one for one in shipped if one.startswith(("tools/sandbox", "evals"))] == []
    assert "graphs/embedded.py" not in shipped


def test_the_package_is_built_for_the_functions_of_the_template() -> None:
    python, machine = package.runtime()
    functions = stack("template").kind("AWS::Lambda::Function").values()
    assert {(one["Runtime"], tuple(one["Architectures"])) for one in functions} == {(f"python{python}", (machine,))}


def test_the_bytes_do_not_depend_on_when_or_in_which_order_files_were_written(tmp_path: Path) -> None:
    for name, order in (("one", ["a.py", "b.py"]), ("other", ["b.py", "a.py"])):
        (tmp_path / name).mkdir()
        for file in order:
            (tmp_path / name / file).write_text(file, encoding="utf-8")
        package.pack(tmp_path / name, tmp_path / f"{name}.zip")
    (tmp_path / "other" / "a.py").touch()
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    assert zipfile.ZipFile(tmp_path / "one.zip").namelist() == ["a.py", "b.py"]


def test_a_package_that_lambda_would_refuse_is_said_to_be_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.py").write_text("a = 1", encoding="utf-8")
    package.pack(tmp_path / "folder", tmp_path / "stanch.zip")
    monkeypatch.setattr(package, "LIMIT", 3)
    with pytest.raises(SystemExit, match="Lambda takes 3"):
        package.told(tmp_path / "folder", tmp_path / "stanch.zip")


def test_whoever_builds_with_a_registry_of_no_account_is_told_that_every_finding_will_be_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text('accounts: {"111122223333": {role: workload, environment: dev}}\n', encoding="utf-8")
    for name in ("install", "assemble"):
        monkeypatch.setattr(package, name, lambda *_: None)
    for chosen in ([], ["--registry", str(own)]):
        monkeypatch.setattr(sys, "argv", ["package.py", *chosen, "--out", str(tmp_path / "build" / "stanch.zip")])
        package.main()
    bare, served = [line for line in capsys.readouterr().out.splitlines() if "sha256" not in line], str(own)
    (said,) = bare
    assert said.startswith(f"{DEPLOY / 'registry.yaml'} names no account: as it is, every finding")
    assert "make package REGISTRY=FILE" in said
    assert served not in said


@pytest.mark.parametrize("name", ["nope.yaml", "unquoted.yaml"])
def test_a_registry_that_cannot_be_read_is_said_in_one_line_before_anything_is_made(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unquoted.yaml").write_text("accounts: {111122223333: {environment: dev}}\n", encoding="utf-8")
    arguments = ["package.py", "--registry", str(tmp_path / name), "--out", str(tmp_path / "build" / "stanch.zip")]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        package.main()
    said = {
        "nope.yaml": "No such file or directory",
        "unquoted.yaml": "accounts.111122223333: put account ids in quotes",
    }
    assert ended.value.code == f"{tmp_path / name}: {said[name]}"
    assert not (tmp_path / "build").exists()
