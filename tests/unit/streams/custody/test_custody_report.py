"""The report on the chain of custody: its sections, proofs that can be read back, escaped texts."""

import base64
import html
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams.custody.custody_report import Custody, report
from streams.custody.proofs import proofs_of
from streams.transparency_log.checkpoint_files import CheckpointFiles, publish
from streams.transparency_log.log_keys import PublicKey, write_public_keys
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.merkle import leaf_hash, verify_inclusion
from streams.transparency_log.note import SignerKey

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LEAVES = [b"leaf %d" % number for number in range(300)]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 300 events with one checkpoint."""
    folder: Path = tmp_path_factory.mktemp("log")
    signer = SignerKey("copystand/test/audit", bytes(32))
    store = LogStore(folder)
    write_public_keys(folder, [PublicKey(signer.verifier, 0)])
    store.append(LEAVES)
    publish(store, CheckpointFiles(folder), signer)
    store.close()
    return folder


def a_row(seq: int, **changes: Any) -> dict[str, Any]:
    person = {"type": "person", "name": "o-17", "version": None, "role": "authorizer"}
    program = {"type": "software", "name": "libvips", "version": "8.1", "role": "executing program"}
    return {
        "seq": seq,
        "fact": "PageAcquired",
        "ordinal": 0,
        "revision": 1,
        "event_type": "validation",
        "outcome": "suc",
        "code": None,
        "detail": "Every pixel decoded.",
        "occurred_at": NOON + timedelta(seconds=seq),
        "agents": [program, person],
        "sources": [],
        "results": [f"sha256:{seq:064x}"],
        "batch_id": "b-1",
        "item_id": "i-1",
        "page_id": "i-1:0001",
    } | changes


def page_of(log: Path, rows: list[dict[str, Any]], **changes: Any) -> str:
    made = {"differing": {}, "standing": ["Events up to seq 299."], "made_at": NOON}
    proofs = proofs_of(log, [row["seq"] for row in rows])
    return report(Custody("i-1", rows, proofs, **(made | changes)))


def test_every_proof_in_the_document_leads_to_the_root_of_its_checkpoint(log: Path):
    page = page_of(log, [a_row(seq) for seq in (0, 7, 255, 256, 299)])

    (block,) = re.findall(r'<pre id="proofs">(.*?)</pre>', page, re.DOTALL)
    checkpoint = html.unescape(re.findall(r"<pre>(copystand/test.*?)</pre>", page, re.DOTALL)[0])
    root = base64.b64decode(checkpoint.split("\n")[2])
    proofs = [one.split("\n") for one in block.split("\n\n")]
    assert [one[0] for one in proofs] == [f"index {seq}" for seq in (0, 7, 255, 256, 299)]
    for head, *path in proofs:
        seq = int(head.split()[1])
        hashes = [base64.b64decode(one) for one in path]
        verify_inclusion(seq, len(LEAVES), leaf_hash(LEAVES[seq]), hashes, root)
        assert leaf_hash(LEAVES[seq]).hex() in page


def test_events_without_a_checkpoint_are_named(log: Path):
    page = page_of(log, [a_row(299), a_row(300)])

    assert "Not covered by this checkpoint yet: events 300." in page
    assert "index 300" not in page


HOSTILE = '<script>alert("1")</script>\u202e\x1b[31m&amp;\'"><img src=x>'


def test_no_text_from_outside_becomes_markup(log: Path):
    agent = {"type": "person", "name": HOSTILE, "version": HOSTILE, "role": "authorizer"}
    texts = dict.fromkeys(
        ("detail", "code", "page_id", "batch_id", "event_type", "outcome"), HOSTILE
    )
    row = a_row(3, fact="BatchReceived", agents=[agent], results=[f"sha256:{HOSTILE}"], **texts)

    page = report(Custody(HOSTILE, [row], proofs_of(log, [3]), {3: HOSTILE}, [HOSTILE], NOON))

    assert "<script" not in page and "<img" not in page
    assert "\x1b" not in page and "\u202e" not in page
    assert page.count(html.escape('<script>alert("1")</script>')) >= 10


def test_the_document_loads_nothing(log: Path):
    page = page_of(log, [a_row(3)])

    assert """content="default-src 'none'; style-src 'unsafe-inline'">""" in page
    assert re.findall(r"(?:src|href)=\"(?!#)", page) == []
    assert "url(" not in page and "@import" not in page


def test_changed_rows_are_named_at_the_top(log: Path):
    page = page_of(log, [a_row(3)], differing={3: "differs from what was sealed in: detail"})

    assert page.index("the tables were changed") < page.index("1. Summary</h2>")
    assert "Event 3 differs from what was sealed in: detail." in page


def test_failures_are_listed_with_what_was_decided_about_them(log: Path):
    rows = [
        a_row(1, event_type="quarantine", outcome="fai", code="page.not-decodable"),
        a_row(2, event_type="decision", detail="release: scanned again"),
        a_row(3, fact="PageAdmitted", revision=2, event_type="admission", detail="Admitted."),
        a_row(4),
    ]

    page = page_of(log, rows)

    part = page[page.index("4. Failures") :][
        : page[page.index("4. Failures") :].index("</section>")
    ]
    assert re.findall(r'<td class="number">(\d+)</td>', part) == ["1", "2", "3"]
    assert "failure: page.not-decodable" in part


def test_headings_tables_and_regions_have_what_a_screen_reader_needs(log: Path):
    page = page_of(log, [a_row(3, fact="BatchReceived"), a_row(4, event_type="fixity check")])

    assert '<html lang="en">' in page
    assert page.count("<table>") == page.count("<caption>") == page.count('role="region"')
    assert page.count("<h1>") == 1
    assert set(re.findall(r"<th[ >][^>]*", page)) and 'scope="col"' in page
    links = re.findall(r'href="#([^"]+)"', page)
    assert [one for one in links if f'id="{one}"' not in page] == []
