"""The XMP of a PDF."""

from lxml import etree

from processors.pdf.xmp import xmp

DC = "{http://purl.org/dc/elements/1.1/}"


def test_the_packet_is_xml_with_what_was_stated():
    packet = xmp("a&b", "Über <das> \x00", ("de", "la"))

    root = etree.fromstring(packet)

    assert root.findtext(f".//{DC}identifier") == "a&b"
    assert "".join(root.find(f".//{DC}title").itertext()).strip() == "Über <das> \ufffd"
    assert [one.text for one in root.find(f".//{DC}language")[0]] == ["de", "la"]
    assert b"Date" not in packet


def test_a_document_without_language_names_none():
    assert b"dc:language" not in xmp("a", "b", ())
