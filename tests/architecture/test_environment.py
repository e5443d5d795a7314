"""Every environment variable that the software reads is a field of the settings."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate_settings import READ_BY_DOCKER
from streams.environment_variables import EnvironmentVariables
from streams.settings_fields import about, constraint, names_of

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "processors", "streams", "infra")
DEPLOYMENT = ("docker-compose.yml", "Dockerfile", "infra/install.sh")
FIELDS = EnvironmentVariables.model_fields
KNOWN = {name for field in FIELDS.values() for name in names_of(field)} | set(READ_BY_DOCKER)
OUR_NAMES = re.compile(r"\b(?:COPYSTAND|AWS)_[A-Z0-9_]+\b")
SUBSTITUTED = re.compile(r"\$\{([A-Z][A-Z0-9_]*):?-")
"""`${NAME:-default}` of a shell script or a Compose file."""


def names_read(source: str) -> Iterator[str]:
    """Names in `environ["NAME"]`, `environ.get("NAME")`, `environment.get("NAME")`, `getenv`."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Subscript(value=of, slice=ast.Constant(value=str(name)), ctx=ast.Load()):
                wanted = _is_environment(of)
            case ast.Call(
                func=ast.Attribute(value=of, attr="get" | "pop" | "setdefault"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                wanted = _is_environment(of)
            case ast.Call(
                func=ast.Attribute(attr="getenv") | ast.Name(id="getenv"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                wanted = True
            case _:
                continue
        if wanted:
            yield name


def _is_environment(node: ast.expr) -> bool:
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) in (
        *("environ", "environment"),
    )


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_every_variable_read_in_python_is_a_setting():
    unknown = [
        f"{path.relative_to(ROOT)} reads {name}"
        for path in modules()
        for name in names_read(path.read_text("utf-8"))
        if name not in KNOWN
    ]

    assert unknown == []


def test_every_name_of_ours_in_code_and_deployment_is_a_setting():
    files = [*modules(), *(ROOT / name for name in DEPLOYMENT)]
    unknown = [
        f"{path.relative_to(ROOT)} names {name}"
        for path in files
        for name in OUR_NAMES.findall(path.read_text("utf-8"))
        if name not in KNOWN
    ]

    assert unknown == []


def test_every_variable_that_deployment_hands_on_is_a_setting():
    unknown = [
        f"{name} substitutes {variable}"
        for name in DEPLOYMENT
        for variable in SUBSTITUTED.findall((ROOT / name).read_text("utf-8"))
        if variable not in KNOWN
    ]

    assert unknown == []


@pytest.mark.parametrize(
    "planted",
    [
        'os.environ["PLANTED"]',
        'os.environ.get("PLANTED")',
        'environment.get("PLANTED", "")',
        'os.getenv("PLANTED")',
        'environ.pop("PLANTED")',
    ],
)
def test_a_planted_read_is_found(planted: str):
    assert list(names_read(f"value = {planted}\n")) == ["PLANTED"]


def test_a_variable_that_is_set_for_a_child_is_no_setting():
    assert list(names_read('os.environ["TMPDIR"] = "/tmp"\n')) == []


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_says_what_it_does_and_who_reads_it(name: str):
    field = FIELDS[name]

    assert field.description and field.description.endswith((".", ".)"))
    assert about(field, "read_by")
    limited = field.annotation in (int, float)
    assert bool(constraint(field)) >= limited
