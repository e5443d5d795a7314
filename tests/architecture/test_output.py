"""Programs print through streams/console.py and log through streams/runtime/logs.py alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.import_graph import PACKAGES

ROOT = Path(__file__).parents[2]
ONE_PLACE = {"infra/escaping.py", "streams/console.py", "streams/runtime/logs.py"}
# Exports have a copy of it, and it runs without this project.
ONE_PLACE |= {"streams/transparency_log/verifier.py"}
CALLS = {"print", "Console", "Text.from_markup", "Text.from_ansi", "TextColumn", "StreamHandler"}
CALLS |= {"click.echo", "click.secho", "click.echo_via_pager", "logging.StreamHandler", "os.write"}
CALLS |= {"rich.print", "logging.FileHandler", "logging.basicConfig", "traceback.print_exc"}
STREAMS = {"sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"}


def printing(root: Path) -> list[str]:
    """Places that print on their own or interpret markup."""
    return sorted(
        f"{name}:{line} {what}"
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
        if (name := path.relative_to(root).as_posix()) not in ONE_PLACE
        for line, what in _found(ast.parse(path.read_text("utf-8")))
    )


def _found(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "markup":
            yield node.value.lineno, "markup"
        what = node.func if isinstance(node, ast.Call) else node
        if isinstance(node, ast.Call | ast.Attribute) and ast.unparse(what) in CALLS | STREAMS:
            yield node.lineno, ast.unparse(what)


def test_no_other_module_prints_on_its_own():
    assert printing(ROOT) == []


def test_a_planted_print_is_found(tmp_path: Path):
    module = tmp_path / "streams" / "cli" / "planted.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "import sys\n\nprint(1)\nsys.stdout.write('2')\nout.print('3', markup=True)\n"
    )

    assert [found.rpartition(":")[2] for found in printing(tmp_path)] == [
        "3 print",
        "4 sys.stdout",
        "5 markup",
    ]
