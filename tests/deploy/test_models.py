"""What the package says of AWS: the operations that are declared, each as botocore itself describes it, and no others."""

from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.model import OperationModel, ServiceModel

from evals import models


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    models.write(folder)
    return folder


def session(*folders: Path) -> botocore.session.Session:
    made = botocore.session.Session()
    made.get_component("data_loader").search_paths[:0] = [str(folder) for folder in folders]
    return made


def only(folder: Path) -> botocore.session.Session:
    """As in the package, where there is nothing beside."""
    made = botocore.session.Session()
    loader = made.get_component("data_loader")
    loader.search_paths[:] = [str(folder)]
    return made


def shape(operation: OperationModel, end: str) -> Any:
    found = getattr(operation, f"{end}_shape")
    return found and sorted((name, member.type_name, member.serialization) for name, member in found.members.items())


def test_each_declared_operation_is_described_and_no_other(narrow: Path) -> None:
    ours, theirs = only(narrow), botocore.session.Session()
    assert sorted(ours.get_available_services()) == sorted(models.wanted())
    for service, operations in models.wanted().items():
        here, there = ours.get_service_model(service), theirs.get_service_model(service)
        assert set(here.operation_names) == (operations or set(there.operation_names)), service
        for name in here.operation_names:
            assert (shape(here.operation_model(name), "input"), shape(here.operation_model(name), "output")) == (
                shape(there.operation_model(name), "input"),
                shape(there.operation_model(name), "output"),
            ), f"{service} {name}"
            _errors(here, there, name)


def _errors(here: ServiceModel, there: ServiceModel, name: str) -> None:
    codes = [[shape.error_code for shape in model.operation_model(name).error_shapes] for model in (here, there)]
    assert codes[0] == codes[1], name


def test_a_client_has_no_method_for_what_nobody_declared(narrow: Path) -> None:
    given = {"region_name": "eu-west-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client = boto3.Session(botocore_session=session(narrow)).client("ec2", **given)
    assert client.can_paginate("describe_instances")
    assert hasattr(client, "describe_instances")
    assert [name for name in ("run_instances", "terminate_instances") if hasattr(client, name)] == []


def test_installed_over_botocore_nothing_else_is_left_of_its_services(tmp_path: Path) -> None:
    (tmp_path / "sagemaker" / "2017-07-24").mkdir(parents=True)
    (tmp_path / "endpoints.json").write_text("{}")
    models.replace(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*models.wanted(), "endpoints.json"}
