"""Files that are written object by object."""

import io
from pathlib import Path

import pikepdf
import pytest

from processors.pdf.file import PdfFile
from processors.pdf.syntax import Name, Reference


def a_file(title: str) -> bytes:
    target = io.BytesIO()
    file = PdfFile(target)
    pages = file.reserve()
    page = {"Type": Name("Page"), "Parent": pages, "MediaBox": [0, 0, 9, 9], "Resources": {}}
    file.write(pages, {"Type": Name("Pages"), "Kids": [file.add(page)], "Count": 1})
    root = file.add({"Type": Name("Catalog"), "Pages": pages})
    file.finish(root, file.add({"Title": title}))
    return target.getvalue()


def test_readers_find_every_object():
    with pikepdf.open(io.BytesIO(a_file("Träume"))) as pdf:
        assert pdf.check_pdf_syntax() == []
        assert str(pdf.docinfo["/Title"]) == "Träume"


def test_the_identifier_is_made_of_the_content():
    same, other = a_file("a"), a_file("b")

    assert same == a_file("a")
    assert same.rsplit(b"/ID", 1)[1] != other.rsplit(b"/ID", 1)[1]


def test_a_reserved_object_must_be_written_once():
    file = PdfFile(io.BytesIO())
    reference = file.reserve()

    with pytest.raises(ValueError, match="not written"):
        file.finish(reference, reference)

    file.write(reference, {})
    with pytest.raises(ValueError, match="written before"):
        file.write(reference, {})


def test_a_stream_of_a_file_has_its_bytes(tmp_path: Path):
    content = bytes(range(256)) * 5000
    source = tmp_path / "image.jpg"
    source.write_bytes(content)
    target = io.BytesIO()
    file = PdfFile(target)

    reference = file.add_stream_of(source, {"Filter": Name("DCTDecode")})

    assert isinstance(reference, Reference)
    begin = target.getvalue().index(b"stream\n") + len(b"stream\n")
    assert target.getvalue()[begin : begin + len(content)] == content
