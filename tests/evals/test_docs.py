"""The guides name what there is: every variable, every key of the registry, and no page that is not there."""

import re
from pathlib import Path

import pytest
import yaml

from evals.configuration_table import configuration
from graphs.configuration import Configuration
from tools.registry import AccountEntry, Registry

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_every_variable_is_listed_with_its_meaning() -> None:
    rows = [line.split(" | ") for line in configuration().splitlines() if line.startswith("| `")]
    assert len(rows) == len(Configuration.model_fields)
    assert all(len(row) == 4 and len(row[3]) > 10 for row in rows)


def test_the_registry_s_guide_shows_every_key_and_its_example_is_a_registry() -> None:
    text = (ROOT / "docs" / "registry.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.S)
    registry = Registry.model_validate(yaml.safe_load(example))
    assert registry.model_fields_set | {"own_parts"} == set(Registry.model_fields)
    for name in (*Registry.model_fields, *AccountEntry.model_fields):
        assert f"`{name}" in text


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_page_that_a_page_names_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_s_map_names_every_page() -> None:
    (line,) = [
        line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `docs/`")
    ]
    assert [page.name for page in PAGES[1:] if f"(docs/{page.name})" not in line] == []
