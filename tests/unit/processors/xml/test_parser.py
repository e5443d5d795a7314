"""XML from external sources is parsed safely and validated offline."""

import pytest

from infra import standards
from processors.xml.parser import XmlRefused, parse
from processors.xml.validate import validate

BOMB = b'<!DOCTYPE a [<!ENTITY x "yyyy"><!ENTITY z "&x;&x;&x;">]><a b="&z;">&z;</a>'
OAI = '<o:dc xmlns:o="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:d="http://purl.org/dc/elements/1.1/">'


@pytest.mark.parametrize(
    "document",
    [
        BOMB,
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        "<!DOCTYPE a><a/>".encode("utf-16"),
        b"<a><b></a>",
        b"",
        b"\xff\xfe\x00",
    ],
)
def test_refuses_bytes_that_are_not_plain_xml(document: bytes) -> None:
    with pytest.raises(XmlRefused):
        parse(document)


def test_refuses_more_than_the_limit() -> None:
    with pytest.raises(XmlRefused, match="the limit is 10"):
        parse(b"<a>bcdefghijkl</a>", limit_bytes=10)


def test_reads_plain_xml() -> None:
    assert parse(b"<?xml version='1.0'?><!-- x --><a>b</a>").text == "b"


def test_an_undeclared_name_in_a_record_is_reported() -> None:
    good = parse(f"{OAI}<d:title>A</d:title></o:dc>".encode())
    wrong = parse(f"{OAI}<d:titel>A</d:titel></o:dc>".encode())

    folder = standards.fetch()
    assert validate(good, folder) == []
    assert "titel" in validate(wrong, folder)[0]


def test_a_document_with_an_unknown_namespace_is_not_valid() -> None:
    assert validate(parse(b"<a/>"), standards.fetch()) != []
