"""The log names every delivered file that no item contains, however many there are."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from processors.files_not_packaged import acts_and_list
from processors.manifest import NotPackaged
from processors.outcome import Done
from processors.tools import Tools
from processors.validate_batch import validate_batch
from schemas.codec import encode
from schemas.models import BatchAccepted
from tests.support.builders import a_head
from tests.support.deliveries import a_manifest, memory_tools, staged

MOST_BYTES = 512 * 1024


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def a_file(name: str, code: str | None = "file.left-out", found: str = "text") -> dict[str, object]:
    digest = sha256(name.encode()).hexdigest()
    return {"path": name, "sha256": digest, "size_bytes": 7, "code": code, "found": found}


def accepted(tools: Tools, *files: dict[str, object]) -> BatchAccepted:
    outcome = validate_batch(staged(tools, a_manifest(not_packaged=list(files))), tools)
    assert isinstance(outcome, Done), outcome
    fact = outcome.facts[0]
    assert isinstance(fact, BatchAccepted)
    return fact


def test_an_event_names_each_file_with_its_digest(tools: Tools):
    fact = accepted(tools, a_file("b.txt"), a_file("item.json", None), a_file("a.txt"))

    used, left = fact.acts[2:]
    assert (used.outcome, used.code, left.outcome, left.code) == (
        *("suc", None),
        *("war", "file.left-out"),
    )
    assert left.sources == tuple(f"sha256:{a_file(name)['sha256']}" for name in ("a.txt", "b.txt"))
    assert "a.txt (sha256:" in left.detail


def test_many_files_have_several_events(tools: Tools):
    names = [f"{number:03d}.txt" for number in range(95)]
    fact = accepted(tools, *map(a_file, names))

    of_files = fact.acts[2:]
    assert [len(act.sources) for act in of_files] == [20, 20, 20, 20, 15]
    text = " ".join(act.detail for act in of_files)
    assert all(name in text for name in names)


def test_files_that_do_not_fit_in_the_fact_are_named_in_a_list(tools: Tools):
    names = [f"{number:05d}-{'é' * 100}.txt" for number in range(5000)]
    fact = accepted(tools, *map(a_file, names))

    kept = next(file for file in fact.files if file.use == "not-packaged")
    listed = {one["path"]: one["sha256"] for one in json.loads(tools.storage.read(kept))}
    assert listed == {name: a_file(name)["sha256"] for name in names}
    assert fact.acts[-1].sources == (f"sha256:{kept.sha256}",)
    head = a_head(batch_id="b-1", item_id=None, page_id=None)
    assert len(encode(fact.model_copy(update={"head": head}))) < MOST_BYTES


def test_an_event_is_short_even_with_long_names(tools: Tools):
    names = [f"{number}/{'ü' * 1000}" for number in range(60)]
    files = tuple(NotPackaged.model_validate(a_file(name)) for name in names)

    acts, _ = acts_and_list(files, tools.storage)

    assert max(len(act.model_dump_json().encode()) for act in acts) < 48 * 1024


def test_a_delivery_without_such_files_has_no_such_event(tools: Tools):
    assert len(accepted(tools).acts) == 2
