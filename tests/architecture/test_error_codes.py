"""Codes and fixes come from the error catalogue, and from nowhere else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.error_catalogue import entries

ROOT = Path(__file__).parents[2]
FOLDERS = ("processors", "streams", "infra")
CODE = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*")
TAKES_CODE = re.compile(
    "Act|Answer|Fault|Finding|PackageRefused|Policy|Refused|Rejected|InvalidProfile"
    "|finding|refuse_batch|refused|rejected"
)
FIX = re.compile(r"(^|_)fix(es)?$")
WITHOUT_CODES = ("streams/cli/", "infra/")
"""Messages about the use of a command or the machine have a hint and no code."""
NOT_OURS = "institution."
"""Codes of an institution's own rules are in its rule files."""


def sources() -> list[tuple[str, ast.Module]]:
    """Every module of the product by its path."""
    paths = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    return [(str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))) for path in paths]


SOURCES = sources()


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every literal of a module, the beginning of an f-string included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def codes_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Literals that must be codes: by their form, or as the code of a call that takes one."""
    families = {code.partition(".")[0] for code in entries()}
    for line, text in texts(tree):
        family, _, rest = text.partition(".")
        if CODE.fullmatch(text) and family in families and "-" in rest:
            yield line, text
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and TAKES_CODE.fullmatch(name_of(node.func)):
            named = [word.value for word in node.keywords if word.arg == "code"]
            for value in [*node.args[:1], *named]:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.lineno, value.value


def fixes_in(tree: ast.AST) -> Iterator[int]:
    """Lines on which a text is written as a fix."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            named = [word.value for word in node.keywords if word.arg == "fix"]
            for value in named:
                if isinstance(value, ast.JoinedStr) or (
                    isinstance(value, ast.Constant) and value.value
                ):
                    yield value.lineno
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            of_fix = any(FIX.search(name_of(target).lower()) for target in targets)
            written = node.value is not None and any(text for _, text in texts(node.value))
            if of_fix and written and not is_looked_up(node.value):
                yield node.lineno


def is_looked_up(value: ast.expr | None) -> bool:
    """Whether a value comes from the catalogue."""
    return isinstance(value, ast.Call) and name_of(value.func) == "fix_of"


def name_of(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return str(getattr(node, "id", getattr(node, "attr", "")))


def test_every_code_in_the_source_is_in_the_catalogue():
    unknown = [
        f"{path}:{line}: {code}"
        for path, tree in SOURCES
        for line, code in codes_in(tree)
        if code not in entries() and not code.startswith(NOT_OURS)
    ]

    assert unknown == []


def test_every_code_of_the_catalogue_is_used_unless_it_is_retired():
    written = {part for _, tree in SOURCES for _, text in texts(tree) for part in text.split(": ")}
    retired = {code for code, entry in entries().items() if entry.retired}

    assert sorted(set(entries()) - written) == sorted(retired)


def test_no_fix_is_written_outside_of_the_catalogue():
    written = [
        f"{path}:{line}"
        for path, tree in SOURCES
        for line in fixes_in(tree)
        if not path.startswith(WITHOUT_CODES)
    ]

    assert written == []


@pytest.mark.parametrize(
    "planted",
    [
        'Rejected("page.not-decodable", found="x", fix="Scan it again.")',
        'Rejected("page.not-decodable", found="x", fix=f"Scan {page} again.")',
        'fix = "Scan it again."',
        'FIXES = {"page.not-decodable": "Scan it again."}',
    ],
)
def test_a_planted_fix_is_found(planted: str):
    assert list(fixes_in(ast.parse(planted))) == [1]


@pytest.mark.parametrize("planted", ['x = "page.not-there"', 'rejected("page.nothing", "x")'])
def test_a_planted_code_is_found(planted: str):
    assert [code in entries() for _, code in codes_in(ast.parse(planted))] == [False]
