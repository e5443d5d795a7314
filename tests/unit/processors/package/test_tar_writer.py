"""The tar of a package, and the record it is made from, are read and written a piece at a time."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from processors.package import bag, record_file, tar_writer
from processors.package.record_file import members
from processors.tools import Tools
from processors.xml.writing import METS, XLINK, Maker, streamed
from tests.support.package_builders import a_completed_item, memory_tools, published, tar_of


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def test_the_tar_tells_nothing_of_the_machine(tools: Tools) -> None:
    item = a_completed_item(tools)
    package = published(item, tools)

    with tarfile.open(fileobj=io.BytesIO(tar_of(package, tools))) as archive:
        entries = archive.getmembers()
    owners = {(each.uid, each.gid, each.uname, each.gname, each.mode) for each in entries}
    assert owners == {(0, 0, "", "", 0o644)}
    assert {each.mtime for each in entries} == {int(item.head.occurred_at.timestamp())}
    assert [each.name for each in entries[:4]] == [f"vol-1.v1/{name}" for name in bag.TAG_FILES]


def test_a_tar_is_what_the_standard_library_writes_and_its_digest_is_known(tmp_path: Path) -> None:
    contents = {"a.txt": b"", "long/" + "ß" * 120: b"x" * 513, "whole": b"y" * 512}
    told = tar_writer.write(
        tmp_path / "ours.tar",
        "p",
        [tar_writer.member_of(*one) for one in contents.items()],
        mtime=9,
    )

    with tarfile.open(tmp_path / "theirs.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(f"p/{name}")
            entry.size, entry.mtime, entry.mode = len(content), 9, 0o644
            archive.addfile(entry, io.BytesIO(content))
    written = (tmp_path / "ours.tar").read_bytes()
    assert written == (tmp_path / "theirs.tar").read_bytes()
    assert told == hashlib.sha256(written).hexdigest()


@pytest.mark.parametrize(("size", "content"), [(3, b"four"), (5, b"four"), (4, b"five")])
def test_a_file_that_is_not_as_its_fact_says_is_refused(
    tmp_path: Path, size: int, content: bytes
) -> None:
    digest = hashlib.sha256(b"four").hexdigest()
    member = tar_writer.Member("a", digest, size, lambda: io.BytesIO(content))

    with pytest.raises(tar_writer.FixityMismatch):
        tar_writer.write(tmp_path / "x.tar", "p", [member], mtime=0)


def test_headers_that_differ_from_what_was_meant_are_told(tmp_path: Path) -> None:
    target = tmp_path / "x.tar"
    tar_writer.write(
        target, "p", [tar_writer.member_of("a", b"1"), tar_writer.member_of("b", b"22")], mtime=0
    )

    assert tar_writer.differences(target, "p", {"a": 1, "b": 2}) == []
    assert tar_writer.differences(target, "p", {"a": 1, "b": 3, "c": 1}) == [
        "p/b of 2 bytes was not expected",
        "c is missing",
    ]


@pytest.mark.parametrize("characters", [1, 2, 3, 7, 1000])
def test_a_record_is_read_in_pieces_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, characters: int
) -> None:
    document = {
        "empty": [],
        "facts": [{"a": [1, "]}"], "b": 'ſ"\\'}, [2], 1.5e-7, -12, None, True, "x"],
        "number": 12.25,
        "none": {},
    }
    path = tmp_path / "record.json"
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")
    monkeypatch.setattr(record_file, "CHUNK_CHARACTERS", characters)

    expected = [("facts", one) for one in document["facts"]]  # type: ignore[attr-defined]
    assert list(members(path)) == [*expected, ("number", 12.25), ("none", {})]


@pytest.mark.parametrize("content", ["", "[]", '{"a":', '{"a":[1', '{"a":1}'[:-1], '{"a" 1}'])
def test_what_is_no_whole_record_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(content)

    with pytest.raises(ValueError):
        list(members(path))


def test_a_streamed_document_declares_its_namespaces_once(tmp_path: Path) -> None:
    make = Maker(METS, {"mets": METS, "xlink": XLINK})
    forged = f' xmlns:mets="{METS}" >'

    with (
        streamed(tmp_path / "x.xml", make, "mets", {"LABEL": forged}) as out,
        out.element("fileSec"),
    ):
        out.write(make("file", make("FLocat", forged), attributes={"ID": forged}))

    text = (tmp_path / "x.xml").read_text()
    escaped = forged.replace('"', "&quot;").replace(">", "&gt;")
    assert text == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<mets:mets xmlns:mets="{METS}" xmlns:xlink="{XLINK}" LABEL="{escaped}">\n'
        "  <mets:fileSec>\n"
        f'    <mets:file ID="{escaped}">\n'
        f"      <mets:FLocat>{forged.replace('>', '&gt;')}</mets:FLocat>\n"
        "    </mets:file>\n"
        "  </mets:fileSec>\n"
        "</mets:mets>\n"
    )
