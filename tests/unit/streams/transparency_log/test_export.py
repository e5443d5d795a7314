"""Exports: complete, of one checkpoint, also while the sealer writes."""

import json
import re
import subprocess
from pathlib import Path
from threading import Event, Thread

import pytest

from infra.files import DamagedFile
from streams.audit.sealed_record import body_of, leaf, seal_of
from streams.transparency_log import verifier
from streams.transparency_log.checkpoint_files import read_all
from streams.transparency_log.export import export_all, export_entries, newest_checkpoint
from streams.transparency_log.merkle import leaf_hash
from streams.transparency_log.proof import parse_proof
from streams.transparency_log.tiles import DamagedLog
from tests.support.log_of_083590e import sealed
from tests.support.transparency_logs import (
    FIRST_KEY,
    OLD_SCHEMA,
    SCHEMAS,
    SECOND_KEY,
    Sealed,
    a_leaf,
    a_sealed_log,
    in_this_process,
)


def test_a_complete_export_has_all_checkpoints_schemas_and_the_verifier(tmp_path: Path):
    log = a_sealed_log(tmp_path / "log", 700)

    newest = export_all(log.folder, tmp_path / "out", SCHEMAS.__getitem__)

    assert newest == log.checkpoints.newest == newest_checkpoint(tmp_path / "out")
    assert list(read_all(tmp_path / "out")) == list(log.checkpoints)
    assert {one.name for one in (tmp_path / "out" / "schemas").iterdir()} == {
        f"{digest.hex()}.avsc" for digest in SCHEMAS
    }
    assert (tmp_path / "out" / "verify.py").read_bytes() == Path(verifier.__file__).read_bytes()
    assert "python3 verify.py" in (tmp_path / "out" / "README.txt").read_text()


def test_an_export_of_entries_has_their_proofs_and_the_changes_of_keys(tmp_path: Path):
    log = a_sealed_log(tmp_path / "log", 300)

    export_entries(log.folder, tmp_path / "out", [5, 5, 9], SCHEMAS.__getitem__)

    names = {one.name for one in (tmp_path / "out" / "entries").iterdir()}
    assert names == {"5", "5.tlog-proof", "9", "9.tlog-proof"}
    proof = parse_proof((tmp_path / "out" / "entries" / "9.tlog-proof").read_bytes())
    proof.verify((tmp_path / "out" / "entries" / "9").read_bytes())
    kept = list(read_all(tmp_path / "out"))
    assert kept == [one for one in log.checkpoints if one.next_key] and len(kept) == 1
    assert [one.stem for one in (tmp_path / "out" / "schemas").iterdir()] == [OLD_SCHEMA.hex()]


def test_the_log_of_version_083590e_can_be_sealed_exported_and_verified(tmp_path: Path):
    seals = [(seal_of(dict(raw.headers)), raw.value or b"") for raw in sealed()]
    leaves = [
        leaf(seal.seq, seal.sealed_at, seal.schema_sha256, body_of(value)) for seal, value in seals
    ]
    log = Sealed(tmp_path / "log")
    log.store.append(leaves)
    log.sign()

    folder = log.export(tmp_path / "out")

    found = verifier.check_log(folder, [str(FIRST_KEY.verifier)], [], in_this_process)
    assert (found.ok, found.size, found.why) == (True, len(leaves), "")
    assert len(leaves) > 100


def test_readable_entries_are_written_beside_the_evidence(tmp_path: Path):
    log = a_sealed_log(tmp_path / "log", 300)

    def described(entry: bytes) -> object:
        return {"index": int.from_bytes(entry[:8], "big"), "length": len(entry)}

    arguments = (SCHEMAS.__getitem__, described)

    export_all(log.folder, tmp_path / "all", *arguments)
    export_entries(log.folder, tmp_path / "some", [9, 5], *arguments)

    lines = (tmp_path / "all" / "entries.jsonl").read_text().splitlines()
    assert len(lines) == 300 and json.loads(lines[9]) == {"index": 9, "length": 96}
    assert (tmp_path / "some" / "entries.jsonl").read_text().splitlines() == [lines[5], lines[9]]
    assert verifier.check_log(tmp_path / "all", [], [], in_this_process).ok
    assert verifier.check_items(tmp_path / "some", [], [], in_this_process).ok


def test_the_commands_in_the_readme_check_a_signature_and_a_hash(tmp_path: Path):
    log = a_sealed_log(tmp_path / "log", 300)
    export_entries(log.folder, tmp_path / "out", [7], SCHEMAS.__getitem__)
    readme = (tmp_path / "out" / "README.txt").read_text()
    commands = "\n".join(re.findall(r"^    (.*)", readme.partition("3. CHECK BY HAND")[2], re.M))
    commands = commands.replace("KEY'", f"{str(SECOND_KEY.verifier).split('+', 2)[2]}'")

    done = subprocess.run(
        ["sh", "-ec", commands.replace("entries/N", "entries/7")],
        cwd=tmp_path / "out",
        capture_output=True,
        text=True,
    )

    assert "Signature Verified Successfully" in done.stdout, done
    assert leaf_hash(log.store.leaf(7)).hex() in done.stdout


def test_an_empty_log_can_be_exported(tmp_path: Path):
    log = Sealed(tmp_path / "log")
    log.sign()

    folder = log.export(tmp_path / "out")

    assert verifier.check_log(folder, [], [], in_this_process).ok


def test_a_change_of_keys_after_the_export_began_is_not_in_it(tmp_path: Path):
    log = Sealed(tmp_path / "log")
    log.seal(30)
    before = log.checkpoints.newest
    log.rotate(SECOND_KEY)
    # As the file was when the export read its newest checkpoint.
    (log.folder / "checkpoint").write_bytes(before.encode())

    found = verifier.check_log(log.export(tmp_path / "out"), [], [], in_this_process)

    assert (found.ok, found.size, found.why) == (True, 30, "")


def test_a_log_that_cannot_be_read_is_not_exported(tmp_path: Path):
    log = a_sealed_log(tmp_path / "log", 300)
    (log.folder / "tile" / "entries" / "000").unlink()

    with pytest.raises(DamagedLog):
        log.export(tmp_path / "out")
    (log.folder / "keys.json").unlink()
    with pytest.raises(DamagedFile, match="is missing; restore it"):
        log.export(tmp_path / "other")


def test_exports_are_right_while_the_sealer_writes(tmp_path: Path):
    log, stop = Sealed(tmp_path / "log"), Event()
    log.seal(200)

    def seal() -> None:
        while not stop.is_set():
            log.seal(37)

    sealer = Thread(target=seal)
    sealer.start()
    try:
        sizes = []
        for number in range(12):
            folder = log.export(tmp_path / str(number))
            found = verifier.check_log(folder, [], [], in_this_process)
            assert found.ok, found
            sizes.append(found.size)
    finally:
        stop.set()
        sealer.join()
    assert sizes == sorted(sizes) and sizes[-1] > sizes[0]
    assert log.store.leaf(sizes[-1] - 1) == a_leaf(sizes[-1] - 1, content=b"some detail")
