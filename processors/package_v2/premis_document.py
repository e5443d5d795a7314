"""Writes PREMIS 3.0 of a package of layout 2: objects, events, agents and rights."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import METADATA, Payload
from processors.package_v2.premis_events import EventWriter, agent_element, packaging
from processors.package_v2.premis_history import History, Occurrence
from processors.package_v2.premis_identifiers import Names
from processors.package_v2.premis_objects import MODEL, ObjectWriter
from processors.package_v2.premis_rights import has_rights, rights_element
from processors.step import FormatName
from processors.xml.writing import PREMIS, XSI
from schemas.models import Agent

# Objects have the type premis:file, which readers compare as text; elements have no prefix.
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<premis xmlns="{PREMIS}" xmlns:premis="{PREMIS}" xmlns:xsi="{XSI}" version="3.0">\n'
)


def write_premis(
    path: Path,
    item: ItemRecord,
    contents: Contents,
    metadata: Iterable[Payload],
    identify: Callable[[Payload], FormatName],
) -> None:
    """Write the PREMIS document (https://www.loc.gov/standards/premis/) of a package to a file.

    Elements are written one by one, each in a line, because an item may have 20,000 pages."""
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(HEAD)
        for line in _elements(item, contents, list(metadata), identify):
            out.write(line + "\n")
        out.write("</premis>\n")


def _elements(
    item: ItemRecord,
    contents: Contents,
    metadata: list[Payload],
    identify: Callable[[Payload], FormatName],
) -> Iterator[str]:
    history = History(item)
    names = Names(item)
    about = sum(one.path.startswith(METADATA) for one in metadata)
    content = len(contents.files()) + len(metadata) - about
    made = packaging(item, names.package, content, about)
    objects = ObjectWriter(item, contents, history, made, identify)
    stated = has_rights(item.rights)
    yield objects.item(stated)
    yield from objects.pages()
    yield from objects.metadata(metadata)
    events = EventWriter(contents, metadata, names)
    occurrences = [*history, made]
    about_all = (one.event_id for one in occurrences if events.is_about_all(one))
    yield objects.representation(about_all, stated)
    yield from (events.element_of(one) for one in occurrences)
    yield from _agents(occurrences, history.serial_numbers, _model_versions(item))
    if stated:
        since = history.registration or made
        yield rights_element(item.rights, names, since.at.date().isoformat())


def _agents(
    occurrences: Iterable[Occurrence], notes: dict[str, str], versions: dict[str, str]
) -> Iterator[str]:
    agents: dict[str, Agent] = {}
    for one in occurrences:
        agents |= {name: agent for (name, _), agent in one.agents.items()}
    for name in sorted(agents):
        agent, note = agents[name], notes.get(name)
        _, is_model, digest = (agent.version or "").partition("sha256:")
        if is_model:
            note = f"SHA-256 of the model file: {digest}"
            model = agent.name.removeprefix(MODEL)
            agent = agent.model_copy(update={"version": versions.get(model)})
        yield agent_element(name, agent, note)


def _model_versions(item: ItemRecord) -> dict[str, str]:
    """The versions of the recognition models when the batch was accepted."""
    return item.profile.get("recognition", {}).get("model_versions") or {}
