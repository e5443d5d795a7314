"""A METS orders and labels pages, pages.csv names texts, delivered digests are recorded."""

from hashlib import md5, sha1, sha512
from pathlib import Path
from typing import Any

import pytest

from processors.manifest import check_manifest
from processors.rules.manifest_view import View
from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from streams.clients.station.preflight import preflight
from tests.support.corpora import corpus
from tests.support.deliveries import MODS, a_folder, a_png

ALTO = '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><String CONTENT="word"/></alto>'
METS = """<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">
<dmdSec ID="d"><mdWrap MDTYPE="DC"><xmlData><title xmlns="http://purl.org/dc/elements/1.1/">A</title>
</xmlData></mdWrap></dmdSec><fileSec><fileGrp>
<file ID="a"><FLocat LOCTYPE="URL" xlink:href="http://images.example/one.tif"/></file>
<file ID="b"><FLocat LOCTYPE="URL" xlink:href="http://images.example/two.png"/></file>
<file ID="c"><FLocat LOCTYPE="URL" xlink:href="http://images.example/gone.png"/></file>
</fileGrp></fileSec><structMap TYPE="PHYSICAL"><div>
<div TYPE="page" ORDER="1" ORDERLABEL="1r"><fptr FILEID="b"/></div>
<div TYPE="page" ORDER="2" ORDERLABEL=" - "><fptr FILEID="c"/></div>
<div TYPE="page" ORDER="3" ORDERLABEL="2r"><fptr FILEID="a"/></div></div></structMap></mets>"""


def read(folder: Path) -> Delivery:
    return read_folder(folder, SubmissionOptions("b-1"))


def pages(made: Delivery) -> list[dict[str, Any]]:
    return list(made.manifest["items"][0]["pages"])


def test_a_mets_orders_and_labels_pages_by_the_base_names_of_their_files(tmp_path: Path) -> None:
    files = {"one.png": a_png(1), "two.png": a_png(2), "extra.png": a_png(3), "mets.xml": METS}
    made = read(a_folder(tmp_path / "d", files))

    assert [(page["file"]["path"], page["sequence"], page["labels"]) for page in pages(made)] == [
        ("two.png", 1, ["1r"]),
        ("one.png", 2, ["2r"]),
        ("extra.png", 3, []),
    ]
    [difference] = [one for one in preflight(made) if one.code == "record.mets-pages-differ"]
    assert difference.found == (
        "not delivered: 1 of 3 pages in the METS, such as gone.png; "
        "not in the METS: 1 of 3 pages, such as extra.png"
    )


def test_a_mets_with_its_last_image_twice_is_reported(tmp_path: Path) -> None:
    mets = METS.replace("gone.png", "two.png").replace('FILEID="b"', 'FILEID="a"', 1)
    mets = mets.replace('ORDER="3" ORDERLABEL="2r"><fptr FILEID="a"', 'ORDER="3"><fptr FILEID="b"')
    made = read(a_folder(tmp_path / "d", {"one.tif": a_png(1), "two.png": a_png(2), "m": mets}))

    [difference] = [one for one in preflight(made) if one.code == "record.mets-pages-differ"]
    assert difference.found == "the METS has 3 pages, the item 2"


def test_pages_csv_comes_before_a_mets(tmp_path: Path) -> None:
    files = {"one.png": a_png(1), "two.png": a_png(2), "mets.xml": METS}
    table = "file,labels\none.png,i\ntwo.png,ii\n"
    made = read(a_folder(tmp_path / "d", {**files, "pages.csv": table}))

    assert [page["labels"] for page in pages(made)] == [["i"], ["ii"]]


def test_a_mets_of_other_files_leaves_the_natural_order(tmp_path: Path) -> None:
    made = read(a_folder(tmp_path / "d", {"9.png": a_png(1), "10.png": a_png(2), "m": METS}))

    assert [page["file"]["path"] for page in pages(made)] == ["9.png", "10.png"]


@pytest.mark.parametrize(
    "name", ["k2_mets_vd18_147638674", "SBB_PPN1000056597", "meta_79848", "meta"]
)
def test_the_mets_of_real_books_order_their_pages(tmp_path: Path, name: str) -> None:
    mets = corpus("mets-vd18", f"{name}.xml").read_bytes()
    images = {f"{number:08d}.png": a_png(number) for number in range(18)}

    made = read(a_folder(tmp_path / "d", {**images, "mets.xml": mets}))

    assert pages(made)[0]["file"]["path"] == "00000001.png"
    assert check_manifest(View(made.manifest))[0] is not None
    assert all(one.severity == "warn" for one in preflight(made))


def test_pages_csv_names_the_text_of_a_page(tmp_path: Path) -> None:
    table = "file,text\n1.png,1.alto.xml\n2.png,\n"
    files = {"1.png": a_png(1), "2.png": a_png(2), "1.alto.xml": ALTO, "m.xml": MODS}
    made = read(a_folder(tmp_path / "d", {**files, "pages.csv": table}))

    first, second = pages(made)
    assert first["text"]["path"] == "1.alto.xml"
    assert "text" not in second
    assert made.manifest["file_count"] == 4
    assert made.diagnostics == []
    assert preflight(made) == []
    assert [one.use for one in made.files].count("provided-text") == 1


@pytest.mark.parametrize(
    ("image", "text"),
    [("1.png", "1.xml"), ("1.tif.png", "1.xml"), ("1.png", "1.alto.xml"), ("1.PNG", "1_ALTO.XML")],
)
def test_an_alto_with_the_name_of_an_image_is_its_text(
    tmp_path: Path, image: str, text: str
) -> None:
    made = read(a_folder(tmp_path / "d", {image: a_png(1), text: ALTO, "m.xml": MODS}))

    assert pages(made)[0]["text"]["path"] == text
    assert made.diagnostics == []


def test_an_empty_column_of_texts_says_that_pages_are_read(tmp_path: Path) -> None:
    files = {"1.png": a_png(1), "1.xml": ALTO, "m.xml": MODS, "pages.csv": "file,text\n1.png,\n"}
    made = read(a_folder(tmp_path / "d", files))

    assert "text" not in pages(made)[0]
    assert [one.code for one in made.diagnostics] == ["file.left-out"]


def test_pages_csv_without_a_column_of_texts_leaves_them_to_the_names(tmp_path: Path) -> None:
    files = {
        "1.png": a_png(1),
        "1.xml": ALTO,
        "m.xml": MODS,
        "pages.csv": "file,kind\n1.png,page\n",
    }

    assert pages(read(a_folder(tmp_path / "d", files)))[0]["text"]["path"] == "1.xml"


def test_a_name_that_two_texts_have_is_not_decided(tmp_path: Path) -> None:
    files = {"1.png": a_png(1), "1.xml": ALTO, "1.alto.xml": ALTO, "m.xml": MODS}
    made = read(a_folder(tmp_path / "d", files))

    assert "text" not in pages(made)[0]
    assert [one.code for one in made.diagnostics] == ["file.left-out"] * 2


def test_a_mets_names_the_texts_in_a_folder_of_their_own() -> None:
    made = read(corpus("kant-1784"))

    folder = "data/OCR-D-GT-ALTO"
    texts = [page["text"]["path"] for page in pages(made)]
    assert texts == [f"{folder}/PAGE_0017_ALTO.xml", f"{folder}/PAGE_0020_ALTO.xml"]
    [missing] = [one for one in preflight(made) if one.code == "record.mets-files-missing"]
    assert missing.found == "2 of 6 files in the METS, such as PAGE_0017_PAGE.xml"


def test_the_texts_that_a_mets_names_are_those_of_its_pages() -> None:
    made = read(corpus("reported", "21-mets-fulltext-alto"))

    assert [page["text"]["path"] for page in pages(made)] == ["00000001.xml", "00000002.xml"]
    assert made.diagnostics == []
    assert preflight(made) == []


def test_a_long_label_of_a_mets_is_cut_and_reported(tmp_path: Path) -> None:
    label = "L" * 256
    content = LABELLED.format(label=label).encode()
    made = read(a_folder(tmp_path / "d", {"1.png": a_png(1), "mets.xml": content}))

    assert pages(made)[0]["labels"] == ["L" * 254 + "…"]
    assert [(one.code, one.where) for one in made.diagnostics] == [
        ("record.text-too-long", "1.png")
    ]
    assert check_manifest(View(made.manifest))[0] is not None


LABELLED = (
    '<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink"><fileSec>'
    '<fileGrp><file ID="I"><FLocat LOCTYPE="URL" xlink:href="1.png"/></file></fileGrp></fileSec>'
    '<structMap TYPE="PHYSICAL"><div><div TYPE="page" LABEL="{label}"><fptr FILEID="I"/></div>'
    "</div></structMap></mets>"
)


def test_a_missing_text_is_reported(tmp_path: Path) -> None:
    files = {"1.png": a_png(1), "m.xml": MODS, "pages.csv": "file,text\n1.png,1.xml\n"}
    made = read(a_folder(tmp_path / "d", files))

    assert [(one.code, one.where) for one in made.diagnostics] == [
        ("pages-csv.text-missing", "pages.csv, line 2")
    ]


@pytest.mark.parametrize(("name", "algorithm"), [("md5", md5), ("sha1", sha1), ("sha512", sha512)])
def test_delivered_digests_are_recorded_with_their_file(
    tmp_path: Path, name: str, algorithm: Any
) -> None:
    digest = algorithm(a_png(1)).hexdigest()
    files = {"1.png": a_png(1), "m.xml": MODS, f"checksums.{name}": f"{digest}  1.png\n"}

    made = read(a_folder(tmp_path / "d", files))

    assert pages(made)[0]["file"]["vendor_checksums"] == [f"{name}:{digest}"]
    assert preflight(made) == []


def test_the_digests_of_a_bag_are_recorded() -> None:
    made = read(corpus("kant-1784"))

    assert all(page["file"]["vendor_checksums"][0].startswith("sha512:") for page in pages(made))
    assert [page["file"]["path"][-8:] for page in pages(made)] == ["0017.tif", "0020.tif"]
