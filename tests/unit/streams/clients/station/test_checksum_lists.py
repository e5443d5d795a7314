"""Whatever looks like a checksum list or sidecar is verified, or refused with what is expected."""

import hashlib
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.rules.codes import is_error
from streams.clients.station.checksum_lists import lists_of
from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from streams.clients.station.scan import scan
from tests.support.deliveries import MODS, a_folder, a_png

PAGES = {"0001.png": a_png(1), "0002.png": a_png(2)}
NAMES = {
    **{f"checksum{s}.{a}": a for s in ("", "s") for a in ("md5", "sha1", "sha256", "sha512")},
    **{f"{a.upper()}SUMS": a for a in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")},
    **{f"{a}sum.txt": a for a in ("md5", "sha256")},
    **{f"{a}.txt": a for a in ("md5", "sha1", "sha256")},
    **{f"manifest-{a}.txt": a for a in ("md5", "sha256", "sha512")},
    **{f"{n}.md5": "md5" for n in ("ms-88", "MD5SUMS")},
    **{n: "sha256" for n in ("checksums.txt", "checksums-sha256.txt", "hashes", "fixity.lst")},
    **{f"sums/{n}": "md5" for n in ("md5sums.txt", "anything.txt", "x.MD5")},
}


def digest(algorithm: str, content: bytes) -> str:
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()


def read(at: Path, files: dict[str, Any]) -> Delivery:
    return read_folder(a_folder(at, {**PAGES, "mods.xml": MODS, **files}), SubmissionOptions("b-1"))


def errors(made: Delivery) -> list[tuple[str, str]]:
    return [(one.code, one.where) for one in made.diagnostics if is_error(one)]


def a_list(algorithm: str, wrong: bool = False) -> str:
    lines = {name: digest(algorithm, content) for name, content in PAGES.items()}
    if wrong:
        lines["0002.png"] = digest(algorithm, b"other")
    return "".join(f"{one}  {name}\n" for name, one in lines.items())


@pytest.mark.parametrize("name", NAMES)
def test_a_list_of_any_usual_name_is_verified(tmp_path: Path, name: str):
    right = read(tmp_path / "right", {name: a_list(NAMES[name])})
    wrong = read(tmp_path / "wrong", {name: a_list(NAMES[name], wrong=True)})

    assert errors(right) == []
    assert errors(wrong) == [("checksum.mismatch", "0002.png")]
    assert (name, None) in [(one["path"], one["code"]) for one in right.manifest["not_packaged"]]


@pytest.mark.parametrize("name", ["0001.png.md5", "0001.md5", "0001.png.sha256", "0001.SHA1"])
@pytest.mark.parametrize("form", ["{}\n", "{} *0001.png", "{}  ./0001.png", "bsd"])
def test_a_sidecar_of_one_page_is_verified(tmp_path: Path, name: str, form: str):
    algorithm = name.rpartition(".")[2].lower()
    text = f"{algorithm.upper()} (0001.png) = {{}}" if form == "bsd" else form
    right = read(tmp_path / "right", {name: text.format(digest(algorithm, PAGES["0001.png"]))})
    wrong = read(tmp_path / "wrong", {name: text.format(digest(algorithm, b"other"))})

    assert right.diagnostics == []
    assert errors(wrong) == [("checksum.mismatch", "0001.png")]


@pytest.mark.parametrize("header", ["", "file;md5\n"])
def test_a_table_of_files_and_digests_is_verified(tmp_path: Path, header: str):
    rows = {name: f'"{name}";{digest("md5", content)};ok' for name, content in PAGES.items()}
    right = read(tmp_path / "right", {"export.csv": header + "\n".join(rows.values())})
    rows["0001.png"] = rows["0001.png"].replace(digest("md5", PAGES["0001.png"]), "0" * 32)
    wrong = read(tmp_path / "wrong", {"export.csv": header + "\n".join(rows.values())})

    assert errors(right) == []
    assert errors(wrong) == [("checksum.mismatch", "0001.png")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("md5.txt", "all is well\n"),
        ("SHA256SUMS", ""),
        ("checksums.sha256", f"{'0' * 32}  0001.png\n"),
        ("0009.md5", "0" * 32),
        ("0001.sfv", "0001.png 1A2B3C4D\n"),
        ("B2SUMS", f"{'0' * 128}  0001.png\n"),
        ("notes.txt", f"digest of 0001.png: {'0' * 32} (md5)\n"),
        ("checksum.md5", b"\xff\xfe\xff"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_with_the_form_that_is_expected(
    tmp_path: Path, name: str, text: str | bytes
):
    made = read(tmp_path / "d", {name: text})

    assert errors(made) == [("checksum.list-unreadable", name)]
    [refused] = [one for one in made.diagnostics if is_error(one)]
    assert "digest, two spaces, path" in f"{refused.found} {refused.fix}"


@pytest.mark.parametrize(
    "text", ["Scanned in 2026.\n", f"One digest: {'0' * 32}\nand\nmore\ntext\n"]
)
def test_a_text_that_is_no_list_is_left_out(tmp_path: Path, text: str):
    made = read(tmp_path / "d", {"notes.txt": text})

    assert [(one.code, one.where) for one in made.diagnostics] == [("file.left-out", "notes.txt")]


@settings(max_examples=60, deadline=None)
@given(
    form=st.sampled_from(["{d}  {n}", "{d} *{n}", "{D}\t{n}", "{A} ({n}) = {d}", "{d}  ./{n}"]),
    algorithm=st.sampled_from(["md5", "sha1", "sha256", "sha512"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    stem=st.text("aé ü‌_-", min_size=1, max_size=8).filter(lambda one: one.strip(" ") == one),
    form_on_disk=st.sampled_from(["NFC", "NFD"]),
    wrong=st.booleans(),
)
def test_lists_of_any_dialect_and_any_name_are_verified(
    tmp_path_factory: pytest.TempPathFactory,
    form: str,
    algorithm: str,
    end: str,
    stem: str,
    form_on_disk: Any,
    wrong: bool,
):
    written = unicodedata.normalize("NFD" if form_on_disk == "NFC" else "NFC", f"{stem}1.png")
    stated = digest(algorithm, b"other" if wrong else a_png(1))
    line = form.format(d=stated, D=stated.upper(), A=algorithm.upper(), n=written) + end
    files = {unicodedata.normalize(form_on_disk, f"{stem}1.png"): a_png(1), "list.txt": line}

    made = read_folder(a_folder(tmp_path_factory.mktemp("d"), files), SubmissionOptions("b-1"))

    assert [code for code, _ in errors(made)] == (["checksum.mismatch"] if wrong else [])


def test_a_list_of_many_decomposed_names_is_read_in_time_that_grows_with_its_length(tmp_path: Path):
    names = [f"é{number}.txt" for number in range(4000)]
    files = {unicodedata.normalize("NFD", name): b"x" for name in names}
    listed = "".join(f"{digest('md5', b'x')}  {name}\n" for name in names)
    scanned = scan(a_folder(tmp_path, {**files, "checksums.md5": listed}))

    began = time.process_time()
    stated = lists_of({one.name: one for one in scanned.files})

    assert stated.diagnostics == []
    assert len(stated.expected) == len(names)
    assert time.process_time() - began < 3
