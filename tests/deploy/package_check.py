"""The package, built for this Python and unpacked: every function is imported from it alone (`make package-check`)."""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from stack import DEPLOY, stack

ROOT = DEPLOY.parent
HANDLERS = sorted(one["Handler"] for one in stack("template").kind("AWS::Lambda::Function").values())
_LISTING = "import json, sys; print(json.dumps({'path': sys.path, 'modules': sorted(sys.modules)}))"


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package as Lambda would unpack it. Building prints its sizes, and fails above Lambda's limit."""
    folder = tmp_path_factory.mktemp("package")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    building = [sys.executable, str(DEPLOY / "package.py"), "--python", python, "--out", str(folder / "stanch.zip")]
    built = subprocess.run(building, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - our own script
    sys.stderr.write(built.stdout)
    with zipfile.ZipFile(folder / "stanch.zip") as zipped:
        zipped.extractall(folder / "task")
    yield folder / "task"
    shutil.rmtree(folder)


def alone(code: str, unpacked: Path) -> dict[str, list[str]]:
    """Run code with the standard library and the package, and nothing else; then tell its path and modules."""
    program = f"import sys; sys.path.insert(0, {str(unpacked)!r})\n{code}\n{_LISTING}"
    environment = {"STANCH_REGISTRY": str(unpacked / "registry.yaml"), "STANCH_HOME": str(unpacked.parent / "home")}
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-I", "-S", "-B", "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, list[str]] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_every_handler_of_the_template_is_imported_from_the_package_alone(unpacked: Path) -> None:
    modules = [one.removesuffix(".handler") for one in HANDLERS]
    code = "\n".join(f"import {module}; assert callable({module}.handler)" for module in modules)
    found = alone(code, unpacked)
    assert [path for path in found["path"] if "site-packages" in path] == []
    assert [name for name in found["modules"] if name.startswith(("moto", "tools.sandbox", "evals"))] == []


def test_a_finding_of_an_account_that_nobody_registered_is_answered_from_the_package_alone(unpacked: Path) -> None:
    event = ROOT / "tests" / "data" / "events" / "guardduty_c2.json"
    code = (
        "from graphs.entrypoints.lambda_events import handler\n"
        "import json, pathlib\n"
        f"answer = handler(json.loads(pathlib.Path({str(event)!r}).read_text()), None)\n"
        "assert [one['status'] for one in answer] == ['refused'], answer"
    )
    alone(code, unpacked)


def test_all_that_a_run_loads_is_in_the_package(unpacked: Path) -> None:
    code = (
        "import graphs.bootstrap, graphs.response, graphs.runs, graphs.model, graphs.undo, graphs.sweep\n"
        "from agent.policy import Policies\n"
        "from tools.action import actions, catalogue\n"
        "from tools.registry import Registry\n"
        "from tools.source import sources\n"
        "import langgraph_checkpoint_aws\n"
        "assert actions() and sources() and Policies.load(catalogue=catalogue()).all\n"
        "assert Registry.load(graphs.bootstrap.configuration().registry).accounts == {}"
    )
    found = alone(code, unpacked)
    assert [name for name in found["modules"] if name.startswith(("moto", "tools.sandbox", "evals"))] == []


def test_a_function_can_send_no_operation_that_nobody_declared(unpacked: Path) -> None:
    code = (
        "import boto3\n"
        "given = {'region_name': 'eu-west-1', 'aws_access_key_id': 'a', 'aws_secret_access_key': 'b'}\n"
        "session = boto3.Session()\n"
        "ec2 = session.client('ec2', **given)\n"
        "assert hasattr(ec2, 'describe_instances') and not hasattr(ec2, 'terminate_instances')\n"
        "assert 'iam' in session.get_available_services() and 'sagemaker' not in session.get_available_services()\n"
        "assert 'eu-west-1' in session.get_available_regions('ec2')"
    )
    alone(code, unpacked)


def test_neither_moto_nor_the_sandbox_nor_a_test_is_shipped(unpacked: Path) -> None:
    alone("import importlib.util; assert importlib.util.find_spec('moto') is None", unpacked)
    with zipfile.ZipFile(unpacked.parent / "stanch.zip") as zipped:
        shipped = zipped.namelist()
    assert [one for one in shipped if one.startswith(("moto/", "tools/sandbox", "evals/", "tests/"))] == []
    assert [one for one in shipped if one.endswith(".pyc") or "/tests/" in one] == []
    assert [one for one in shipped if one.startswith(("pytest", "mypy", "samtranslator", "cfnlint"))] == []
