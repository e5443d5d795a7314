"""`copystand schemas`: what messages look like, for programs in other languages."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from processors.error_catalogue import fix_of
from schemas.store import SchemaStore
from streams.console import Exit, emit, fail, json_option, out, words
from streams.schema_registry.push import push
from streams.schema_registry.registry import Registry, RegistryProblem
from streams.schema_registry.schema_export import INDEX, export
from streams.settings import Settings


@click.group()
def schemas() -> None:
    """Give the schemas of the topics to other programs."""


@schemas.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@json_option
def export_schemas(folder: Path, as_json: bool) -> None:
    """Write all schemas, their ids and subjects into DIR."""
    try:
        index = export(SchemaStore(), folder)
    except OSError as failed:
        fail(Exit.FAILED, f"{folder}: {failed.strerror}", "Choose a folder that can be written.")
    document = {"folder": str(folder), **_counts(index)}
    done = words(("exported", "green"), f" {len(index['schemas'])} schemas; see {folder / INDEX}")
    emit(document, as_json, lambda _: out.print(done))


@schemas.command("push")
@click.option(
    "--registry",
    "address",
    metavar="URL",
    help="Address of the registry, as Confluent's clients use it. By default"
    " COPYSTAND_SCHEMA_REGISTRY.",
)
@json_option
def push_schemas(address: str | None, as_json: bool) -> None:
    """Register all schemas in a registry under the ids that messages have."""
    settings = Settings.load()
    address = address or settings.schema_registry
    if not address:
        fail(Exit.USAGE, "no registry", "Give its address: copystand schemas push --registry URL")
    try:
        pushed = push(SchemaStore(), Registry(address, settings.schema_registry_login))
    except RegistryProblem as problem:
        code = Exit.MISSING_PART if problem.code == "registry.not-reachable" else Exit.FAILED
        fail(code, str(problem), fix_of(problem.code))
    known = f" {len(pushed.added)} schemas; {len(pushed.present)} were registered before"
    done = words(("registered", "green"), known)
    emit({"registry": address, **asdict(pushed)}, as_json, lambda _: out.print(done))


def _counts(index: dict[str, Any]) -> dict[str, int]:
    return {name: len(index[name]) for name in ("schemas", "subjects")}
