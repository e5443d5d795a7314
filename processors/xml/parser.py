"""Reads XML from external sources: no DOCTYPE, no entities, no network, a size limit."""

from typing import Any

from lxml import etree

MAX_BYTES = 64 * 1024 * 1024


class XmlRefused(ValueError):
    """The bytes are not XML that is accepted; the message says why."""


class _RootReached(Exception):
    pass


class _Prolog:
    """A parser target that stops at the first element or at a DOCTYPE before it."""

    def doctype(self, *_: object) -> None:
        raise XmlRefused("it has a DOCTYPE; remove it")

    def start(self, *_: object) -> None:
        raise _RootReached

    def end(self, *_: object) -> None:
        return None

    def data(self, *_: object) -> None:
        return None

    def close(self) -> None:
        return None


def parser(target: Any = None) -> etree.XMLParser:
    """A parser without external files and entities, with the limits of libxml2."""
    return etree.XMLParser(
        target=target,
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        huge_tree=False,
        remove_pis=True,
    )


def parse(content: bytes, *, limit_bytes: int = MAX_BYTES) -> etree._Element:
    """The root element of untrusted XML. Raises XmlRefused."""
    if len(content) > limit_bytes:
        raise XmlRefused(f"it has {len(content)} bytes, the limit is {limit_bytes}")
    try:
        # The prolog is read first, so that a DOCTYPE is refused before its declarations are used.
        etree.fromstring(content, parser(_Prolog()))
    except _RootReached:
        pass
    except etree.XMLSyntaxError as wrong:
        raise XmlRefused(f"it is not well-formed XML: {wrong}") from None
    try:
        return etree.fromstring(content, parser())
    except etree.XMLSyntaxError as wrong:
        raise XmlRefused(f"it is not well-formed XML: {wrong}") from None
