"""Go's packages sumdb/tlog and sumdb/note agree with ours on roots, proofs and signatures."""

import base64
import random
from pathlib import Path

import pytest

from streams.transparency_log.export import export_entries
from streams.transparency_log.tiles import ENTRIES, tile_path, width_of
from tests.support.go_verifier import ask
from tests.support.transparency_logs import FIRST_KEY, SCHEMAS, SECOND_KEY, Sealed, a_sealed_log

SIZE = 1500
KEYS = (FIRST_KEY.verifier, SECOND_KEY.verifier)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    return a_sealed_log(tmp_path_factory.mktemp("log"), SIZE)


@pytest.fixture(scope="module")
def export(log: Sealed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log.export(tmp_path_factory.mktemp("go") / "export")


def text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def texts(path: list[bytes]) -> str:
    return ",".join(map(text, path))


def test_go_opens_every_checkpoint_and_computes_the_same_root(log: Sealed, export: Path):
    kept = list(log.checkpoints)
    for number, one in enumerate(kept):
        (export / f"note-{number}").write_bytes(one.encode())
    bundles = [
        str(export / tile_path(ENTRIES, number, width_of(0, number, SIZE)))
        for number in range(-(-SIZE // 256))
    ]

    answers = ask(KEYS, [f"note {export}/note-{number}" for number in range(len(kept))])
    root = ask(KEYS, [f"root {' '.join(bundles)}"])

    assert answers == [f"{one.size} {text(one.root)}" for one in kept]
    assert root == [f"{SIZE} {text(log.store.root())}"]
    assert len(kept) > 20


def test_go_refuses_a_checkpoint_that_was_changed_or_is_signed_by_another(export: Path):
    note = (export / "checkpoint").read_bytes()
    (export / "changed").write_bytes(note.replace(b"\n1500\n", b"\n1501\n"))

    assert ask(KEYS, [f"note {export}/changed"])[0].startswith("no: invalid signature")
    assert ask(KEYS[:1], [f"note {export}/checkpoint"])[0].startswith("no: note has no verifiable")


def test_go_accepts_our_proofs_and_refuses_changed_ones(log: Sealed, tmp_path: Path):
    draw, requests, wrong = random.Random(1), [], []
    for number in range(150):
        size = draw.choice([1, 2, 255, 256, 257, 1024, SIZE, draw.randint(1, SIZE)])
        index, old = draw.randrange(size), draw.randint(1, size)
        entry = tmp_path / str(number)
        entry.write_bytes(log.store.leaf(index))
        root, path = text(log.store.root(size)), texts(log.store.inclusion(index, size))
        requests.append(f"include {index} {size} {root} {entry} {path}")
        wrong.append(f"include {index} {size} {text(bytes(32))} {entry} {path}")
        before, steps = text(log.store.root(old)), texts(log.store.consistency(old, size))
        requests.append(f"consistent {old} {before} {size} {root} {steps}")
        wrong.append(f"consistent {old} {text(bytes(32))} {size} {root} {steps}")

    assert ask(KEYS, requests) == ["ok"] * 300
    assert [one for one in ask(KEYS, wrong) if not one.startswith("no: ")] == []


def test_go_checks_an_exported_entry_with_its_proof(log: Sealed, tmp_path: Path):
    folder = tmp_path / "item"
    export_entries(log.folder, folder, range(0, SIZE, 100), SCHEMAS.__getitem__)
    entries = folder / "entries"
    requests = [
        f"proof {entries}/{index}.tlog-proof {entries}/{index}" for index in range(0, SIZE, 100)
    ]

    assert ask(KEYS, requests) == ["ok"] * 15
    (entries / "100").write_bytes(b"another entry")
    assert ask(KEYS, requests[1:2])[0].startswith("no: ")
