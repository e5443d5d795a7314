"""The judge finds nothing in a good bag, and whatever is planted in one."""

import ast
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra import standards
from tests.support import judge, text_judge
from tests.support.package_builders import (
    a_completed_item,
    a_page_entry,
    manifest_of,
    memory_tools,
    published,
    tar_of,
)
from tests.support.package_documents import submitted_mets

PAGES = (
    a_page_entry(1, kind="cover", labels=[], embedded="From the camera"),
    a_page_entry(2, layout="spread", labels=["1v", "2r"]),
    a_page_entry(3, kind="missing", file=None),
    a_page_entry(4, kind="target"),
)
USES = ("access", "thumbnail", "pyramid")
METS, PREMIS = "data/metadata/mets.xml", "data/metadata/premis.xml"


@dataclass(frozen=True)
class Judged:
    """A bag on disk, with its manifest."""

    bag: Path
    manifest: dict[str, Any]

    def rules(self) -> set[str]:
        """The rules that it breaks."""
        faults = judge.judge(self.bag, self.manifest, standards.fetch(), USES)
        return {fault.rule for fault in faults}

    def read(self, path: str) -> str:
        return (self.bag / path).read_text("utf-8")

    def write(self, path: str, content: str) -> None:
        """Change a file, and let the bag's manifests say so, as a careful forger does."""
        (self.bag / path).write_text(content, "utf-8")
        _sign(self.bag)

    def replace(self, path: str, pattern: str, by: str, count: int = 1) -> None:
        content, times = re.subn(pattern, by, self.read(path), count=count, flags=re.DOTALL)
        assert times, f"{pattern} is not in {path}"
        self.write(path, content)


def _sign(bag: Path) -> None:
    payload = sorted(path for path in (bag / "data").rglob("*") if path.is_file())
    info = bag / "bag-info.txt"
    total = sum(path.stat().st_size for path in payload)
    text = re.sub(r"Payload-Oxum: \S+", f"Payload-Oxum: {total}.{len(payload)}", info.read_text())
    info.write_text(text)
    (bag / "manifest-sha256.txt").write_text(_lines(bag, payload))
    tags = [bag / name for name in ("bagit.txt", "bag-info.txt", "manifest-sha256.txt")]
    (bag / "tagmanifest-sha256.txt").write_text(_lines(bag, tags))


def _lines(bag: Path, paths: list[Path]) -> str:
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(bag).as_posix()}\n"
        for path in paths
    )


@pytest.fixture
def good(tmp_path: Path) -> Judged:
    return _a_bag(tmp_path, None)


@pytest.fixture
def good_of_layout_2(tmp_path: Path) -> Judged:
    return _a_bag(tmp_path, 2)


def _a_bag(tmp_path: Path, layout: int | None) -> Judged:
    tools = memory_tools(tmp_path)
    records = (("METS", "vol-1/mets.xml", submitted_mets(("scan 0002.tif", "Two"))),)
    item = a_completed_item(tools, pages=PAGES, records=records, layout=layout)
    package = published(item, tools)
    with tarfile.open(fileobj=io.BytesIO(tar_of(package, tools))) as archive:
        archive.extractall(tmp_path / "bags", filter="data")
    return Judged(tmp_path / "bags" / "vol-1.v1", manifest_of(item, tools))


def test_finds_nothing_in_a_good_bag(good: Judged) -> None:
    assert judge.judge(good.bag, good.manifest, standards.fetch(), USES) == []


def test_finds_nothing_in_a_good_bag_of_layout_2(good_of_layout_2: Judged) -> None:
    bag = good_of_layout_2

    assert judge.judge(bag.bag, bag.manifest, standards.fetch(), USES) == []


@pytest.mark.parametrize(
    ("pattern", "new", "rule"),
    [
        (r"<linkingEventIdentifier>.*?</linkingEventIdentifier>(?=</object>)", "", "premis.event"),
        (r"(<linkingObjectIdentifierValue>)[^<]+", r"\1sha256:00", "premis.link"),
        (r"(<linkingAgentIdentifierValue>)[^<]+", r"\1software:nobody", "premis.link"),
        (r"(<objectIdentifierValue>)[0-9a-f]{64}", r"\g<1>" + "0" * 64, "premis.file"),
        (r"vol-1_0002\.tsv(?=</objectIdentifierValue>)", "vol-1_0002.txt", "premis.id"),
        (r"(data/text/vol-1_0002\.tsv)(?=</objectIdentifierValue>)", r"\1.old", "premis.named"),
    ],
)
def test_finds_a_fault_of_premis_in_layout_2(
    good_of_layout_2: Judged, pattern: str, new: str, rule: str
) -> None:
    good_of_layout_2.replace(PREMIS, pattern, new)

    assert rule in good_of_layout_2.rules()


def test_imports_nothing_of_the_line() -> None:
    trees = [ast.parse(Path(each.__file__).read_text()) for each in (judge, text_judge)]
    imported = {
        name.split(".")[0]
        for tree in trees
        for node in ast.walk(tree)
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    # `tests` and `text_judge` are the judge of texts, beside it.
    others = {"bagit", "lxml", "PIL", "pypdf", "tests", "text_judge"}
    assert imported - set(sys.stdlib_module_names) == others


def _swap_pages(bag: Judged) -> None:
    pages = r'(<mets:div ID="PAGE_0001".*?</mets:div>)(\s*)(<mets:div ID="PAGE_0002".*?</mets:div>)'
    bag.replace(METS, pages, r"\3\2\1")


def _drop_a_file_from_mets(bag: Judged) -> None:
    bag.replace(METS, r'\s*<mets:file ID="text_vol-1_0001.txt".*?</mets:file>', "")


def _put_a_file_into_the_bag(bag: Judged) -> None:
    bag.write("data/text/surplus.txt", "nobody knows me")


def _take_a_file_away(bag: Judged) -> None:
    (bag.bag / "data/text/vol-1_0001.tsv").unlink()
    _sign(bag.bag)


def _change_a_byte(bag: Judged) -> None:
    (bag.bag / "data/text/vol-1_0001.txt").write_text("text 0009")


def _change_a_master(bag: Judged) -> None:
    """Everywhere: the file, METS, PREMIS and the bag agree; only the manifest knows better."""
    path = bag.bag / "data/master/vol-1_0001.tif"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(b"x" + path.read_bytes()[1:])
    after = hashlib.sha256(path.read_bytes()).hexdigest()
    for name in (METS, PREMIS):
        bag.write(name, bag.read(name).replace(before, after))
    _follow_mets_in_premis(bag)


def _follow_mets_in_premis(bag: Judged) -> None:
    """Let PREMIS say what METS has become, so that nothing but the plant shows."""
    content = (bag.bag / METS).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    found = r"(file:data/metadata/mets\.xml</premis:objectIdentifierValue>.*?<premis:messageDigest>)\w+(.*?<premis:size>)\d+"
    bag.replace(PREMIS, found, rf"\g<1>{digest}\g<2>{len(content)}")


def _follow_mets_in_premis_2(bag: Judged) -> None:
    """The same in layout 2, where the digest is an identifier as well."""
    content = (bag.bag / METS).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    found = r"(data/metadata/mets\.xml</objectIdentifierValue>.*?<objectIdentifierValue>)\w+(.*?<messageDigest>)\w+(.*?<size>)\d+"
    bag.replace(PREMIS, found, rf"\g<1>{digest}\g<2>{digest}\g<3>{len(content)}")


Plant = Callable[[Judged], None]
IN_METS: dict[str, tuple[Plant, set[str]]] = {
    "pages swapped": (_swap_pages, {"structure.page"}),
    "kind changed": (
        lambda bag: bag.replace(METS, 'TYPE="cover"', 'TYPE="page"'),
        {"structure.page"},
    ),
    "label lost": (
        lambda bag: bag.replace(METS, ' ORDERLABEL="1v 2r"', ""),
        {"structure.page"},
    ),
    "missing page left out": (
        lambda bag: bag.replace(METS, r'<mets:div ID="PAGE_0003"[^>]*/>', ""),
        {"structure.page"},
    ),
    "file not in METS": (
        _drop_a_file_from_mets,
        {"mets.named", "mets.reference", "page.files", "premis.source"},
    ),
    "pointer to nothing": (
        lambda bag: bag.replace(METS, 'FILEID="hocr_vol-1_0001.hocr"', 'FILEID="nothing"'),
        {"mets.reference", "structure.file", "premis.source"},
    ),
    "wrong digest in METS": (
        lambda bag: bag.replace(METS, 'CHECKSUM="....', 'CHECKSUM="0000'),
        {"mets.file"},
    ),
    "wrong size in METS": (
        lambda bag: bag.replace(METS, r'(<mets:file ID="hocr[^>]*SIZE=")\d+', r"\g<1>7"),
        {"mets.file"},
    ),
    "premis.xml with a digest": (
        lambda bag: bag.replace(METS, 'xlink:href="premis.xml"', r'\g<0> CHECKSUM="00"'),
        {"mets.file"},
    ),
    "MIX not named": (
        lambda bag: bag.replace(METS, "TECH_0001 PREMIS", "PREMIS"),
        {"page.mix"},
    ),
    "MIX wrong": (
        lambda bag: bag.replace(METS, ">100</mix:imageWidth>", ">wide</mix:imageWidth>"),
        {"schema.invalid"},
    ),
    "wrapped DC wrong": (
        lambda bag: bag.replace(
            METS, r"dc:title>From the camera</dc:title", r"dc:titel>F</dc:titel"
        ),
        {"schema.invalid"},
    ),
    "chapter linked to nothing": (
        lambda bag: bag.replace(METS, 'xlink:to="PAGE_0002"', 'xlink:to="PAGE_0009"'),
        {"mets.reference"},
    ),
    "clock in METS": (
        lambda bag: bag.replace(
            METS, "<mets:metsHdr", '<mets:metsHdr CREATEDATE="2026-01-01T00:00:00"'
        ),
        {"mets.clock"},
    ),
    "original name lost": (
        lambda bag: bag.replace(METS, 'xlink:title="scan 0001.tif"', ""),
        {"page.original-name"},
    ),
    "master in the wrong group": (
        lambda bag: bag.replace(METS, '<mets:fileGrp USE="TARGET">', '<mets:fileGrp USE="OTHER">'),
        {"page.group"},
    ),
    "master not as delivered": (_change_a_master, {"page.master"}),
}
ELSEWHERE: dict[str, tuple[Plant, set[str]]] = {
    "byte changed": (
        _change_a_byte,
        {"bag.invalid", "bag.digest", "mets.file", "premis.file"},
    ),
    "file in no metadata": (_put_a_file_into_the_bag, {"mets.named", "premis.named"}),
    "file gone": (_take_a_file_away, {"mets.file", "premis.file"}),
    "tag file changed": (
        lambda bag: (bag.bag / "bag-info.txt").write_text("Bagging-Date: 2000-01-01\n") and None,
        {"bag.invalid"},
    ),
    "wrong digest in PREMIS": (
        lambda bag: bag.replace(PREMIS, "messageDigest>....", "messageDigest>0000"),
        {"premis.file"},
    ),
    "ALTO of no known version": (
        lambda bag: bag.replace("data/text/vol-1_0001.xml", "ns-v4#", "ns-v9#"),
        {"schema.none", "mets.file", "premis.file"},
    ),
    "relationship dropped": (
        lambda bag: bag.replace(PREMIS, "<premis:relationshipSubType>has source", "<premis:relationshipSubType>x"),
        {"premis.source"},
    ),
    "derivative of another master": (
        lambda bag: bag.replace(
            PREMIS,
            r"(has source.*?file:data/master/vol-1_000)1",
            r"\g<1>2",
        ),
        {"premis.source"},
    ),
    "event unknown": (
        lambda bag: bag.replace(PREMIS, r"(<premis:relatedEventIdentifierValue>)........", r"\g<1>00000000"),
        {"premis.source"},
    ),
    "agent unknown": (
        lambda bag: bag.replace(PREMIS, r"(<premis:linkingAgentIdentifierValue>)\w+", r"\g<1>nobody"),
        {"premis.agent"},
    ),
    "PREMIS invalid": (
        lambda bag: bag.replace(PREMIS, "<premis:compositionLevel>0", "<premis:compositionLevel>none"),
        {"schema.invalid"},
    ),
}  # fmt: skip
RECORDS: dict[str, tuple[Plant, set[str]]] = {
    "wrong title": (
        lambda bag: bag.replace("data/metadata/mods.xml", "Psalter", "Plaster"),
        {"record.silent"},
    ),
    "identifier lost": (
        lambda bag: bag.replace(
            "data/metadata/dc.xml", r"<dc:identifier>Ms[^<]*</dc:identifier>", ""
        ),
        {"record.silent"},
    ),
    "MODS invalid": (
        lambda bag: bag.replace("data/metadata/mods.xml", "</mods:mods>", "<mods:x/></mods:mods>"),
        {"schema.invalid"},
    ),
    "ALTO invalid": (
        lambda bag: bag.replace("data/text/vol-1_0001.xml", "pixel", "cubit"),
        {"schema.invalid"},
    ),
    "submitted record changed": (
        lambda bag: bag.replace("data/metadata/submitted/mets.xml", "Whole", "Part"),
        {"record.submitted"},
    ),
}


OF_LAYOUT_2: dict[str, tuple[Plant, set[str]]] = {
    "two kinds of text in a group": (
        lambda bag: bag.replace(METS, '<mets:fileGrp USE="HOCR">', '<mets:fileGrp USE="FULLTEXT">'),
        {"group.use", "group.page"},
    ),
    "ALTO of another type": (
        lambda bag: bag.replace(METS, 'alto_vol-1_0001.xml" MIMETYPE="text', 'alto_vol-1_0001.xml" MIMETYPE="x'),
        {"group.type"},
    ),
    "item without its MODS": (
        lambda bag: bag.replace(METS, ' DMDID="DMD_MODS"', ""),
        {"logical.item"},
    ),
    "page that the item does not lead to": (
        lambda bag: bag.replace(METS, r'<mets:smLink xlink:from="LOG_0000" xlink:to="PAGE_0002"[^>]*>', ""),
        {"logical.link"},
    ),
    "another MODS in METS": (
        lambda bag: bag.replace(METS, "<mods:title>Psalter", "<mods:title>Plaster"),
        {"logical.mods"},
    ),
    "MIX not named": (
        lambda bag: bag.replace(METS, ' ADMID="AMD_master_vol-1_0001.tif AMD_HISTORY"', ""),
        {"page.mix"},
    ),
    "width of an image that has another": (
        lambda bag: bag.replace(
            METS,
            '(<mets:file ID="access_vol-1_0001.jpg"[^>]*ADMID=")',
            r"\g<1>AMD_master_vol-1_0001.tif ",
        ),
        {"image.size"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_LAYOUT_2)
def test_finds_what_is_planted_in_mets_of_layout_2(good_of_layout_2: Judged, name: str) -> None:
    plant, rules = OF_LAYOUT_2[name]

    plant(good_of_layout_2)
    _follow_mets_in_premis_2(good_of_layout_2)

    assert good_of_layout_2.rules() == rules


@pytest.mark.parametrize("name", IN_METS)
def test_finds_what_is_planted_in_mets(good: Judged, name: str) -> None:
    plant, rules = IN_METS[name]

    plant(good)
    _follow_mets_in_premis(good)

    assert good.rules() == rules


@pytest.mark.parametrize("name", ELSEWHERE)
def test_finds_what_is_planted_in_the_bag_and_in_premis(good: Judged, name: str) -> None:
    plant, rules = ELSEWHERE[name]

    plant(good)

    assert good.rules() == rules


@pytest.mark.parametrize("name", RECORDS)
def test_finds_what_is_planted_in_a_record(good: Judged, name: str) -> None:
    plant, rules = RECORDS[name]

    plant(good)

    assert good.rules() == rules | {"mets.file", "premis.file"}


def test_finds_a_reading_image_that_no_page_has(good: Judged) -> None:
    faults = judge.judge(good.bag, good.manifest, standards.fetch(), ("access", "web"))

    assert {fault.rule for fault in faults} == {"page.files"}
    assert [fault.where for fault in faults] == ["0001", "0002", "0004"]


def test_finds_a_text_that_is_not_the_one_delivered(good: Judged) -> None:
    page = good.manifest["items"][0]["pages"][1]
    page["text"] = {"path": "vol-1/0002.xml", "sha256": "00" * 32, "size_bytes": 1}

    assert good.rules() == {"page.text"}


def test_is_a_command_that_prints_each_fault(good: Judged, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(good.manifest))
    command = [
        sys.executable,
        judge.__file__,
        good.bag,
        manifest,
        standards.fetch(),
        ",".join(USES),
    ]

    well = subprocess.run(command, capture_output=True, text=True)
    _put_a_file_into_the_bag(good)
    badly = subprocess.run(command, capture_output=True, text=True)

    assert (well.returncode, well.stdout) == (0, "")
    assert badly.returncode == 1
    assert "mets.named: data/text/surplus.txt" in badly.stdout
