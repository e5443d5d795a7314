"""Ids derived from causes, so that the same work gives the same id (docs/contract.md §1)."""

import re
import unicodedata
from hashlib import sha1, sha256
from uuid import UUID

NS = UUID("4d7339f1-134b-4d89-8b44-7cf799ee20e6")
_NS = NS.bytes
_VARIANT = {f"{digit:x}": f"{digit & 3 | 8:x}" for digit in range(16)}
"""The hexadecimal digit that has the variant of a UUID in its first two bits."""
BATCH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
ITEM_ID = BATCH_ID
PAGE_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")
PSEUDONYM = re.compile(r"[a-z]-[0-9]+\Z")


def make_id(*parts: str | int) -> str:
    """UUIDv5 of the parts joined by U+001F (RFC 9562, 5.5), lower-case."""
    # As uuid.uuid5 does, in a third of its time: the order of cause compares many ids.
    name = "\x1f".join(map(str, parts)).encode()
    text = sha1(_NS + name, usedforsecurity=False).hexdigest()
    variant = _VARIANT[text[16]]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def work_id(event_id: str, step: str, decision_id: str | None = None) -> str:
    """Id of a work item: a step applied to a fact, again after a decision."""
    return make_id(decision_id, event_id, step) if decision_id else make_id(event_id, step)


def fact_id(of_work: str, record: str, index: int = 0) -> str:
    """Id of the index-th fact of a record type that a work item gave."""
    return make_id(of_work, record, index)


def deferral_id(of_work: str, attempt: int) -> str:
    """Id of a deferral; attempts are counted from 1."""
    return make_id(of_work, "deferred", attempt)


def premis_id(event_id: str, ordinal: int) -> str:
    """Id of the k-th PREMIS event of a fact."""
    return make_id(event_id, "premis", ordinal)


def undecodable_id(topic: str, partition: int, offset: int, value: bytes | None) -> str:
    """Id used instead of the event_id of a message that cannot be decoded."""
    return make_id(topic, partition, offset, sha256(value or b"").hexdigest())


def receipt_key(batch_id: str | None, of_work: str, attempt: int | None = None) -> str:
    """Key of the receipt of a final outcome, or of a deferral with its attempt."""
    name = of_work if attempt is None else f"{of_work}.{attempt}"
    # An external client may send a batch id that is no valid storage key.
    folder = batch_id if batch_id and BATCH_ID.match(batch_id) else "_none"
    return f"receipts/{folder}/{of_work[:2]}/{name}"


def package_id(item_id: str, revision: int) -> str:
    """Id of a package: one per item and revision."""
    return f"{item_id}.v{revision}"


def page_id(item_id: str, ref: str) -> str:
    """Id of a page."""
    return f"{item_id}:{ref}"


def made_safe(verbatim: str) -> str:
    """An identifier of an institution as an item_id: unchanged if valid, else with a digest."""
    plain = unicodedata.normalize("NFKD", verbatim)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    if safe == verbatim and ITEM_ID.match(safe):
        return safe
    digest = sha256(verbatim.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{safe[:55].lstrip('._-') or 'item'}-{digest}"
