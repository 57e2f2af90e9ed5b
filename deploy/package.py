"""Builds the Lambda package, the same bytes for the same inputs: `python deploy/package.py [--registry FILE] [--out FILE]`."""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

import grimp
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from evals import models
from tools.registry import UNFIT, Registry, fault

ROOT = Path(__file__).parent.parent
FOLDERS = ("agent", "tools", "graphs")
"""What is shipped. The exams stay at home."""
SANDBOX = "tools.sandbox"
_MB = 1024 * 1024
LIMIT = 250 * _MB
"""Bytes that Lambda unpacks at most."""
_WHEN = (2020, 1, 1, 0, 0, 0)
_STRIPPED = ("__pycache__", "tests")


def target(python: str, machine: str) -> dict[str, str]:
    """The environment markers of the Lambda runtime."""
    return {
        "python_version": python, "python_full_version": f"{python}.0", "implementation_name": "cpython",
        "platform_python_implementation": "CPython", "os_name": "posix", "sys_platform": "linux",
        "platform_system": "Linux", "platform_machine": machine,
    }  # fmt: skip


def wanted(environment: dict[str, str]) -> set[str]:
    """Every distribution that the service needs to run, by what each says of itself; without the extras sandbox and dev."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras: dict[str, set[str]] = {}
    todo = [Requirement(line) for line in project["dependencies"]]
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        if name in extras and requirement.extras <= extras[name]:
            continue
        extras.setdefault(name, set()).update(requirement.extras)
        for line in metadata.distribution(name).requires or []:
            further = Requirement(line)
            if _applies(further.marker, environment, extras[name]):
                todo.append(further)
    return set(extras)


def _applies(marker: Marker | None, environment: dict[str, str], extras: Iterable[str] = ()) -> bool:
    return marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras))


def locked(lock: str, names: set[str], environment: dict[str, str]) -> list[str]:
    """The lock's lines, with their hashes, for these distributions in this environment. Raises SystemExit if one is missing."""
    lines: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", lock):
        requirement = Requirement(block.split("\\", 1)[0].strip())
        name = canonicalize_name(requirement.name)
        if name in names and _applies(requirement.marker, environment):
            hashes = re.findall(r"--hash=\S+", block)
            lines[name] = " ".join([f"{requirement.name}{requirement.specifier}", *hashes])
    if missing := sorted(names - lines.keys()):
        sys.exit(f"requirements.lock has no {', '.join(missing)}: run `make lock`")
    return [lines[name] for name in sorted(lines)]


def install(lines: list[str], into: Path, python: str, machine: str) -> None:
    """Wheels for the runtime, each checked by its hash. Whether they fit the runtime's Python is the lock's word."""
    requirements = into.with_suffix(".txt")
    requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    fitting = [f"--platform={kind}_{machine}" for kind in ("manylinux2014", "manylinux_2_28", "manylinux_2_34")]
    subprocess.run(  # noqa: S603 - our own interpreter and our own arguments
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check", "--no-compile",
            "--require-hashes", "--no-deps", "--only-binary=:all:", "--implementation=cp", f"--python-version={python}",
            "--ignore-requires-python", *fitting, f"--target={into}", f"--requirement={requirements}",
        ],
        check=True,
    )  # fmt: skip


def own_files() -> Iterator[Path]:
    """Our own modules and their data, without the sandbox and whatever needs it: that is for the command line."""
    graph = grimp.build_graph(*FOLDERS, cache_dir=None)
    left = {SANDBOX, *graph.find_descendants(SANDBOX), *graph.find_downstream_modules(SANDBOX, as_package=True)}
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"][
        "*"
    ]
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        shipped = path.suffix == ".py" or any(fnmatch(path.name, pattern) for pattern in data)
        if shipped and module not in left and not module.startswith(f"{SANDBOX}."):
            yield path


def assemble(into: Path, registry: Path) -> None:
    """Put our own files and the registry beside the dependencies, and take away what no function needs.

    Raises pydantic's ValidationError for a registry that the functions could not read.
    """
    for path in own_files():
        place = into / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    Registry.load(registry)
    shutil.copyfile(registry, into / "registry.yaml")
    models.replace(into / "botocore" / "data")
    for folder in [into / "bin", *(path for path in into.rglob("*") if path.name in _STRIPPED)]:
        shutil.rmtree(folder, ignore_errors=True)


def pack(folder: Path, archive: Path) -> None:
    """The folder as a zip: sorted, with one time and one mode for every file, so that the same content is the same bytes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _WHEN)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, path.read_bytes())


def told(folder: Path, archive: Path) -> str:
    """Sizes and digest, for whoever builds. Raises SystemExit when Lambda would refuse the package."""
    unpacked = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if unpacked > LIMIT:
        sys.exit(f"{archive} unpacks to {unpacked:,} bytes: Lambda takes {LIMIT:,}")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    zipped = archive.stat().st_size
    return f"{archive}: {zipped / _MB:.1f} MB, unpacked {unpacked / _MB:.1f} of {LIMIT // _MB} MB, sha256 {digest}\n"


def unserved(registry: Registry, file: Path) -> str:
    """What whoever builds must know of a registry that serves no account; empty for any other."""
    if registry.accounts:
        return ""
    return (
        f"{file} names no account: as it is, every finding of this deployment is refused. Build with "
        "`make package REGISTRY=FILE`, or name a table in the stack's parameter RegistryTable.\n"
    )


def runtime() -> tuple[str, str]:
    """The Python and the machine that the template names for the functions."""
    template = (ROOT / "deploy" / "template.yaml").read_text(encoding="utf-8")
    python, kind = re.search(r"Runtime: python([\d.]+)", template), re.search(r"Architectures: \[(\w+)\]", template)
    if python is None or kind is None:
        sys.exit("deploy/template.yaml names no Runtime or no Architectures")
    return python[1], {"arm64": "aarch64"}.get(kind[1], kind[1])


def main() -> None:
    """Build it, and say how large it is."""
    python, machine = runtime()
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--python", default=python, help="the functions' Python, by default the template's")
    options.add_argument("--machine", default=machine, choices=["x86_64", "aarch64"], help="the functions' machine")
    options.add_argument("--registry", type=Path, default=ROOT / "deploy" / "registry.yaml", help="your registry")
    options.add_argument("--out", type=Path, default=ROOT / "build" / "stanch.zip")
    chosen = options.parse_args()
    try:
        registry = Registry.load(chosen.registry)
    except UNFIT as error:
        sys.exit(f"{chosen.registry}: {fault(error)}")
    folder = chosen.out.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = target(chosen.python, chosen.machine)
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    install(locked(lock, wanted(environment), environment), folder, chosen.python, chosen.machine)
    assemble(folder, chosen.registry)
    pack(folder, chosen.out)
    sys.stdout.write(told(folder, chosen.out) + unserved(registry, chosen.registry))


if __name__ == "__main__":
    main()
