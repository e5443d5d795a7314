"""Header names that are not UTF-8: the router's client reads them and the messages after them."""

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.router import aiokafka_headers
from streams.router.aiokafka_headers import Batch, WrongAiokafka, install_reader

NOT_UTF8 = b"\xff\xfe\0\x80"


def batch_of(*headers: list[tuple[str, bytes]]) -> Batch:
    """Records with these headers; the name `ABCD` becomes bytes that are not UTF-8."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=10_000,
    )
    for offset, pairs in enumerate(headers):
        builder.append(offset, 1, b"key", b"value", pairs)
    return Batch(bytes(builder.build()).replace(b"ABCD", NOT_UTF8))


def test_a_name_that_is_not_utf8_is_escaped_and_the_messages_after_it_are_read():
    batch = batch_of([("step", b"1"), ("ABCD", b"2"), ("é", b"3")], [], [("ABCD", b"4")])

    read = [(one.offset, one.key, one.value, one.headers) for one in batch]

    escaped = "\\xff\\xfe\0\\x80"
    assert read == [
        (0, b"key", b"value", [("step", b"1"), (escaped, b"2"), ("é", b"3")]),
        (1, b"key", b"value", []),
        (2, b"key", b"value", [(escaped, b"4")]),
    ]


def test_another_version_of_the_client_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aiokafka_headers, "SUPPORTED", "0.1")

    with pytest.raises(WrongAiokafka):
        install_reader()
