"""The verifier of exports: it runs with stock Python, and it names the first bad index exactly."""

import ast
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.transparency_log import verifier
from streams.transparency_log.export import export_all, export_entries
from streams.transparency_log.note import SignerKey
from streams.transparency_log.tiles import ENTRIES, decode_entries, encode_entries, tile_path
from tests.support.log_mutations import MUTATIONS
from tests.support.mutation_bench import Bench
from tests.support.transparency_logs import (
    FIRST_KEY,
    FIRST_SEALED_AT,
    ORIGIN,
    SCHEMAS,
    SECOND_KEY,
    Sealed,
    a_leaf,
    a_sealed_log,
    in_this_process,
)

STOCK_PYTHON = Path(sys.base_prefix) / "bin" / "python3"
"""Python without the environment of this project."""
SIZE = 620


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    return a_sealed_log(tmp_path_factory.mktemp("log"), SIZE)


@pytest.fixture
def export(log: Sealed, tmp_path: Path) -> Path:
    return log.export(tmp_path / "export")


def run(folder: Path, *arguments: str | Path, **environment: str) -> tuple[int, str]:
    """The program of an export: its exit code, and what it wrote."""
    done = subprocess.run(
        [STOCK_PYTHON, "-I", "-S", folder / "verify.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd="/",
        env=os.environ | environment,
    )
    return done.returncode, done.stdout + done.stderr


def change_entry(folder: Path, index: int, change: Callable[[bytes], bytes]) -> None:
    number, within = divmod(index, 256)
    path = folder / tile_path(ENTRIES, number, min(256, SIZE - number * 256))
    entries = decode_entries(path.read_bytes(), 0)
    entries[within] = change(entries[within])
    path.write_bytes(encode_entries(entries))


def test_the_verifier_is_python_3_9_and_imports_the_standard_library_alone():
    program = ast.parse(Path(verifier.__file__).read_text("utf-8"), feature_version=(3, 9))

    modules = {
        name
        for node in ast.walk(program)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else names(node))
    }

    assert {name.split(".")[0] for name in modules} <= sys.stdlib_module_names
    assert len(modules) > 10


def names(node: ast.Import) -> list[str]:
    return [one.name for one in node.names]


def test_an_untouched_export_is_right(log: Sealed, export: Path):
    key = str(FIRST_KEY.verifier)

    code, said = run(export)
    known_code, known = run(export, "--key", key, "--trusted", log.folder / "checkpoint", "--json")

    assert (code, said.splitlines()[0].split()[:2]) == (0, ["ok", str(SIZE)])
    assert f"Compare it: {key}" in said
    assert known_code == 0
    assert json.loads(known) == {
        "ok": True,
        "size": SIZE,
        "root": said.split()[2],
        "first_bad": None,
        "last_possible": None,
        "why": "",
        "key": key,
    }


def test_a_changed_byte_is_named_with_its_index(export: Path):
    change_entry(export, 333, lambda entry: entry[:-1] + b"!")

    code, said = run(export)
    json_code, found = run(export, "--json")

    assert (code, json_code) == (1, 1)
    assert said.startswith("first bad index: 333: the entry and its hash differ")
    assert (json.loads(found)["ok"], json.loads(found)["first_bad"]) == (False, 333)


def test_an_earlier_state_is_found_with_a_checkpoint_that_was_kept(log: Sealed, tmp_path: Path):
    earlier = Sealed(tmp_path / "log")
    earlier.store.append(list(log.store.leaves(0, 200)))
    earlier.sign()
    earlier.rotate(SECOND_KEY)
    folder = earlier.export(tmp_path / "export")

    assert run(folder)[0] == 0
    code, said = run(folder, "--trusted", log.folder / "checkpoint")
    assert code == 1
    assert said.startswith(f"first bad index: 200 to {SIZE - 1}: the log ends here")


def test_a_log_with_keys_of_its_own_is_found_with_the_key_that_is_known(tmp_path: Path):
    other = Sealed(tmp_path / "log", SignerKey(ORIGIN, bytes(32)))
    other.seal(5)
    folder = other.export(tmp_path / "export")

    assert run(folder)[0] == 0
    code, said = run(folder, "--key", str(FIRST_KEY.verifier))
    assert code == 1 and said.startswith("first bad index: 0:")
    assert "is not signed by copystand/test/audit+" in said


def test_either_key_of_a_log_that_changed_its_key_is_accepted(export: Path):
    for key in (FIRST_KEY, SECOND_KEY):
        assert run(export, "--key", str(key.verifier))[0] == 0


@pytest.mark.parametrize("index", [0, 100, SIZE - 1])
def test_single_entries_are_checked_with_their_proofs(log: Sealed, tmp_path: Path, index: int):
    folder = tmp_path / "item"
    export_entries(log.folder, folder, [index, 7], SCHEMAS.__getitem__)
    entry = folder / "entries" / str(index)

    assert run(folder, "--key", str(FIRST_KEY.verifier))[0] == 0
    assert len((folder / "entries" / f"{index}.tlog-proof").read_bytes()) <= 2048

    entry.write_bytes(entry.read_bytes() + b"!")
    code, said = run(folder)
    assert code == 1 and said.startswith(f"first bad index: {index}: the entry is not the one")


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof.replace(b"index 7", b"index 8"),
        lambda proof: proof.replace(b"\n\n", b"\nAAAA\n\n", 1),
        lambda proof: proof.replace(b"audit\n620", b"audit\n621"),
        lambda proof: proof[:-9],
        lambda proof: b"",
        None,
    ],
)
def test_a_changed_proof_is_not_believed(log: Sealed, tmp_path: Path, change: Callable | None):
    folder = tmp_path / "item"
    export_entries(log.folder, folder, [7, 9], SCHEMAS.__getitem__)
    path = folder / "entries" / "7.tlog-proof"
    path.write_bytes(change(path.read_bytes())) if change else path.unlink()

    found = verifier.check_items(folder, [], [], in_this_process)

    assert (found.ok, found.first_bad) == (False, 7)


def test_what_cannot_be_checked_is_neither_right_nor_wrong(export: Path, tmp_path: Path):
    # Without openssl the newest checkpoint has no second opinion.
    code, said = run(export, PATH=str(tmp_path))

    assert code == 2 and said.startswith("cannot check:")
    code, said = run(export, "--trusted", export / "README.txt")
    assert code == 2 and "README.txt is not a checkpoint" in said


def test_missing_parts_of_an_export_are_bad(export: Path):
    for name in ("keys.json", "checkpoint", "checkpoints", "schemas", "tile"):
        copy = export.with_name(f"without-{name}")
        shutil.copytree(export, copy)
        shutil.rmtree(copy / name) if (copy / name).is_dir() else (copy / name).unlink()
        found = verifier.check_log(copy, [], [], in_this_process)
        # The newest checkpoint is in both places, and one of them is sufficient.
        if name == "checkpoint":
            assert found.ok
        else:
            assert (found.ok, found.first_bad) == (False, 0), name


def test_openssl_as_library_and_as_program_agree():
    key, message = FIRST_KEY.verifier.public, b"a text\n"
    right = FIRST_KEY.sign("a text\n").signature
    library = verifier.libcrypto()

    assert library is not verifier.openssl
    for one, expected in ((right, True), (right[:-1] + b"\0", False), (b"", False)):
        assert library(key, message, one) is expected
        assert verifier.openssl(key, message, one) is expected
        assert in_this_process(key, message, one) is expected
    assert not library(SECOND_KEY.verifier.public, message, right)


@pytest.mark.parametrize(
    ("leaf", "why"),
    [
        (a_leaf(41), "the entry has the seq 41"),
        (a_leaf(40, sealed_at=FIRST_SEALED_AT + 1), "was sealed before the one in front of it"),
        (a_leaf(40, event=7), "the event_id 00000000-0000-0000-0000-000000000007 was in the log"),
        (a_leaf(40)[:16] + bytes(32) + b"x", "is missing, changed, or does not begin with"),
        (b"short", "the entry has 5 bytes, a seal has 48"),
    ],
)
def test_an_entry_that_no_sealer_may_write_is_named_although_it_is_signed(
    leaf: bytes, why: str, tmp_path: Path
):
    log = Sealed(tmp_path / "log")
    log.seal(40)
    log.store.append([leaf])
    log.seal(9)
    schemas = SCHEMAS | {bytes(32): b"", leaf[16:48]: SCHEMAS.get(leaf[16:48], b"")}
    export_all(log.folder, tmp_path / "export", schemas.__getitem__)

    found = verifier.check_log(tmp_path / "export", [], [], in_this_process)

    assert (found.ok, found.first_bad, found.last_possible) == (False, 40, 40)
    assert why in found.why


def test_a_log_that_grows_is_checked_up_to_its_newest_checkpoint(tmp_path: Path):
    log = Sealed(tmp_path)
    log.seal(100)
    log.store.append([a_leaf(number) for number in range(100, 700)])

    found = verifier.check_log(
        tmp_path, [], [], in_this_process, lambda digest: SCHEMAS[bytes.fromhex(digest)], live=True
    )

    assert (found.ok, found.size, found.why) == (True, 100, "")


def test_300_mutations_are_found_each_with_its_exact_index(
    export: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(verifier, "openssl", in_this_process)
    bench, key = Bench(export), [str(FIRST_KEY.verifier)]

    missed = [
        found
        for number in range(12 * len(MUTATIONS))
        if (found := bench.judge(number, 1, lambda kept: check(export, key, kept)))
    ]

    assert missed == []
    assert check(export, key, []).ok


def check(folder: Path, key: list[str], kept: list[Path]) -> verifier.Result:
    return verifier.check_log(folder, key, kept, in_this_process)


def test_mutations_of_several_kinds_are_found_by_the_program(export: Path):
    bench, key = Bench(export), str(FIRST_KEY.verifier)

    def program(kept: list[Path]) -> verifier.Result:
        trusted = [word for path in kept for word in ("--trusted", path)]
        code, said = run(export, "--json", "--key", key, *trusted)
        assert code == 1
        return verifier.Result(**json.loads(said))

    missed = [bench.judge(number, 2, program) for number in range(0, len(MUTATIONS), 4)]

    assert missed == [None] * 7


@pytest.mark.parametrize("part", ["compare", "surplus", "check_upper_tiles", "note"])
def test_mutations_show_when_a_part_of_the_verifier_does_nothing(
    part: str, export: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(verifier, "openssl", in_this_process)
    monkeypatch.setattr(verifier.Log, part, lambda *arguments: None)
    bench, key = Bench(export), [str(FIRST_KEY.verifier)]

    missed = [
        bench.judge(number, 1, lambda kept: check(export, key, kept))
        for number in range(2 * len(MUTATIONS))
    ]

    assert any(missed)


def test_an_entry_of_any_length_has_its_event_id_read(tmp_path: Path):
    # The length of an id of 200 bytes takes two bytes in Avro.
    head = a_leaf(0)[:48]
    rules = verifier.Rules(lambda digest: SCHEMAS[bytes.fromhex(digest)])
    body = b"\x90\x03" + b"i" * 200

    assert rules.broken(0, head + body + b"one") is None
    assert "was in the log before" in (
        rules.broken(1, struct.pack(">Q", 1) + head[8:] + body) or ""
    )
