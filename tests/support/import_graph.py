"""The import graph of the packages, read from their source: circles, and imports that go upward."""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

PACKAGES = ("schemas", "processors", "infra", "streams")
Graph = Mapping[str, set[str]]


def import_graph(root: Path) -> dict[str, set[str]]:
    """Every module below the packages of `root`, with the modules that it imports, also late."""
    files = {_name(path, root): path for one in PACKAGES for path in (root / one).rglob("*.py")}
    return {name: _imported(path, files) - {name} for name, path in files.items()}


def by_folder(graph: Graph) -> dict[str, set[str]]:
    """The same between folders. A module right below a package is a folder of its own."""
    found: dict[str, set[str]] = {}
    for module, imported in graph.items():
        own = found.setdefault(_folder(module, graph), set())
        own |= {_folder(one, graph) for one in imported} - {_folder(module, graph)}
    return found


def circles(graph: Graph) -> list[list[str]]:
    """Groups of nodes that import each other, directly or through others, each sorted."""
    reached = {node: _reached(node, graph) for node in graph}
    groups = {
        tuple(sorted({node, *(other for other in reached[node] if node in reached[other])}))
        for node in graph
        if node in reached[node]
    }
    return [list(group) for group in sorted(groups)]


def upward(graph: Graph) -> list[str]:
    """Imports of a folder that itself imports the importing one, directly or through others."""
    folders = by_folder(graph)
    reached = {folder: _reached(folder, folders) for folder in folders}
    return sorted(
        f"{module} imports {one}"
        for module, imported in graph.items()
        for one in imported
        if _folder(module, graph) != _folder(one, graph)
        and _folder(module, graph) in reached[_folder(one, graph)]
    )


def _reached(start: str, graph: Graph) -> set[str]:
    found: set[str] = set()
    left = list(graph.get(start, ()))
    while left:
        node = left.pop()
        if node not in found:
            found.add(node)
            left += graph.get(node, ())
    return found


def _folder(module: str, graph: Graph) -> str:
    parent = module.rpartition(".")[0]
    return module if parent in ("", *PACKAGES) or _is_package(module, graph) else parent


def _is_package(module: str, graph: Graph) -> bool:
    return any(other.startswith(module + ".") for other in graph)


def _name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path, known: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {one if one in known else node.module for one in whole}
    return found & set(known)
