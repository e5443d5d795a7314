"""Rows of audit.events in the binary form of COPY, made from the bytes of events.

Most fields of an event are the same bytes in Avro and in PostgreSQL behind another length, so that
they are copied. What is not that simple is left to rows.py, whose rows are the same."""

import re
from binascii import unhexlify
from collections.abc import Sequence
from functools import lru_cache
from struct import Struct

from schemas.codec import MAX_AUDIT_BYTES, PREFIX
from schemas.event_fields import (
    AGENTS,
    LONGEST_RUN,
    NUMBER,
    OPTIONAL_TEXT,
    TEXT,
    TEXT_KINDS,
    TEXTS,
    TIME,
    field_kinds,
    field_values,
    fields_end,
    number_at,
)
from streams.audit.sealed_record import DIGEST_BYTES, UNSIGNED
from streams.projector.rows import COLUMNS, LONGEST_ID, agents_json
from streams.sealer.log_order import LAST_MICROSECOND

COUNT, LENGTH, INTEGER, TIME_CELL = Struct(">h"), Struct(">i"), Struct(">ii"), Struct(">iq")
ARRAY, EMPTY_ARRAY = Struct(">iiiiii"), Struct(">iiii").pack(12, 0, 0, 25)
"""The length, 1 dimension, no nulls, text (25), the number of elements, the first one is 1."""
NULL = LENGTH.pack(-1)
LENGTHS = [LENGTH.pack(length) for length in range(64)]
YEAR_2000 = 946_684_800_000_000
"""Microseconds after 1970, from which PostgreSQL counts."""
FIRST_MICROSECOND = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z, the first time that Python knows."""
BEGIN = COUNT.pack(len(COLUMNS)) + LENGTH.pack(UNSIGNED.size)
DIGEST = LENGTH.pack(DIGEST_BYTES)
UUID = rb"\x48([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})"
IDS = re.compile(UUID + rb"(?:\x00|\x02" + UUID + rb")")
"""The Avro fields event_id and cause_id: texts of 36 bytes, and null as 0."""
SUBJECTS = (OPTIONAL_TEXT,) * 3
WHAT_HAPPENED = (TEXT, NUMBER, TEXT, TEXT, TEXT, OPTIONAL_TEXT)
MADE_BY = ((TEXT, TEXT), (TEXT, TEXT, OPTIONAL_TEXT))
"""The producer's name, version and, in the later schema, worker."""
Run = tuple[int, ...]


class NotPlain(ValueError):
    """An event of which the row cannot be made by copying."""


def row_bytes(seq: bytes, sealed_at: bytes, value: bytes, digest: bytes) -> tuple[bytes, bytes]:
    """The event_id as text, and the row of an event with these headers. Raises NotPlain, ValueError
    and IndexError for an event that rows.py must look at, or that is not one."""
    (at_microseconds,) = UNSIGNED.unpack(sealed_at)
    run = known_run(value[: PREFIX.size])
    if run is None or len(value) > MAX_AUDIT_BYTES or at_microseconds > LAST_MICROSECOND:
        raise NotPlain
    ids = IDS.match(value, PREFIX.size)
    if ids is None:
        raise NotPlain
    event_id, cause_id = ids.groups()
    texts: list[bytes] = []
    subjects, at = _cells(value, ids.end(), SUBJECTS, texts, LONGEST_ID)
    revision, at = number_at(value, at)
    occurred_at, at = number_at(value, at)
    end = fields_end(value, at, run)
    what, made_by = _repeated(value[at:end], run)
    detail, at = _cells(value, end, TEXT_KINDS, texts)
    end = fields_end(value, at, (AGENTS,))
    agents = _agents(value[at:end])
    sources, at = _array(value, end, texts)
    results, at = _array(value, at, texts)
    if at != len(value):
        raise NotPlain
    _check(texts)
    body = value[PREFIX.size :]
    row = (
        *(BEGIN, seq, _time(at_microseconds), DIGEST, digest),
        *(LENGTH.pack(len(body)), body, _uuid(event_id), _uuid(cause_id), *subjects),
        *(_integer(_signed(revision)), _time(_signed(occurred_at))),
        *(what, *detail, agents, sources, results, made_by),
    )
    return event_id, b"".join(row)


@lru_cache(maxsize=100)
def known_run(prefix: bytes) -> Run | None:
    """The kinds of the fields that are the same in many events; None for a schema that has other
    fields, or in another order."""
    kinds = field_kinds(PREFIX.unpack(prefix)[1]) if prefix[:1] == b"\0" else None
    for made_by in MADE_BY:
        run = (*made_by, *WHAT_HAPPENED)
        before, after = (TEXT, OPTIONAL_TEXT, *SUBJECTS, NUMBER, TIME), (TEXT, AGENTS, TEXTS, TEXTS)
        if kinds == (*before, *run, *after):
            return run
    return None


@lru_cache(maxsize=4096)
def _repeated(run: bytes, kinds: Run) -> tuple[bytes, bytes]:
    """The cells of what happened, and those of the producer."""
    texts: list[bytes] = []
    made_by = kinds[: -len(WHAT_HAPPENED)]
    by, at = _cells(run, 0, made_by, texts)
    what, end = _cells(run, at, WHAT_HAPPENED, texts)
    _check(texts)
    if end != len(run) or end > LONGEST_RUN:
        raise NotPlain
    return b"".join(what), b"".join(by[:4])


@lru_cache(maxsize=4096)
def _agents(array: bytes) -> bytes:
    """The cell of the agents as jsonb, which begins with its version."""
    ((agents,), end) = field_values(array, 0, (AGENTS,))
    if end != len(array) or end > LONGEST_RUN:
        raise NotPlain
    text = agents_json(agents).encode()
    return LENGTH.pack(len(text) + 1) + b"\x01" + text


def _cells(
    value: bytes, at: int, kinds: Sequence[int], texts: list[bytes], longest: int = MAX_AUDIT_BYTES
) -> tuple[list[bytes], int]:
    """The cells of texts and numbers, each with its length before it, and where they end. Texts are
    added to `texts`."""
    cells: list[bytes] = []
    for kind in kinds:
        size = value[at]
        at += 1
        if kind == OPTIONAL_TEXT:
            if size == 0:
                cells.append(NULL)
                continue
            if size != 2:
                raise NotPlain
            size = value[at]
            at += 1
        if size & 0x80:
            size, at = number_at(value, at - 1)
        if kind == NUMBER:
            cells.append(_integer(_signed(size)))
            continue
        end = at + (size >> 1)
        if size & 1 or size >> 1 > longest:
            raise NotPlain
        text = value[at:end]
        texts.append(text)
        cells.append(LENGTHS[size >> 1] if size < 128 else LENGTH.pack(size >> 1))
        cells.append(text)
        at = end
    return cells, at


def _array(value: bytes, at: int, texts: list[bytes]) -> tuple[bytes, int]:
    """The cell of an array of texts that is one block."""
    count, at = number_at(value, at)
    if count == 0:
        return EMPTY_ARRAY, at
    if count & 1 or count > len(value):  # each of them takes a byte or more
        raise NotPlain
    cells, end = _cells(value, at, TEXT_KINDS * (count >> 1), texts)
    if value[end] != 0:
        raise NotPlain
    array = b"".join(cells)
    return ARRAY.pack(
        len(array) + ARRAY.size - LENGTH.size, 1, 0, 25, count >> 1, 1
    ) + array, end + 1


def _check(texts: Sequence[bytes]) -> None:
    """Raises NotPlain, UnicodeDecodeError if PostgreSQL would refuse one of the texts."""
    together = b"".join(texts)
    if b"\0" in together:
        raise NotPlain
    if not together.isascii():
        for text in texts:
            text.decode()


def _uuid(text: bytes | None) -> bytes:
    if text is None:
        return NULL
    return LENGTHS[16] + unhexlify(text.replace(b"-", b""))


def _signed(number: int) -> int:
    """The number that Avro wrote as 2n or, if it is negative, as -2n - 1."""
    return (number >> 1) ^ -(number & 1)


def _integer(number: int) -> bytes:
    if not -(2**31) <= number < 2**31:
        raise NotPlain
    return INTEGER.pack(4, number)


def _time(microseconds: int) -> bytes:
    if not FIRST_MICROSECOND <= microseconds <= LAST_MICROSECOND:
        raise NotPlain
    return TIME_CELL.pack(8, microseconds - YEAR_2000)
