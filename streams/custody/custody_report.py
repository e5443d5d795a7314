"""The chain of custody of one item as one HTML document."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from streams.audit.timeline import Row
from streams.custody import sections
from streams.custody.markup import Markup, document, element, joined, section
from streams.custody.proofs import LogProofs

STYLE = Path(__file__).with_name("page.css")


@dataclass(frozen=True)
class Custody:
    """What a report on an item is made from."""

    item_id: str
    rows: Sequence[Row]
    """The events of the item in order of cause."""
    proofs: LogProofs
    differing: dict[int, str]
    """By seq, how a row differs from what was sealed."""
    standing: Sequence[str]
    """Up to where the answer holds, in sentences."""
    made_at: datetime


def report(custody: Custody) -> str:
    """The report as HTML; it needs nothing else to be shown or printed."""
    rows, item_id = custody.rows, custody.item_id
    parts = (
        ("Summary", sections.summary(item_id, rows)),
        ("Who delivered the item", sections.delivery(rows)),
        ("What was checked", sections.checks(rows)),
        ("Failures, warnings and decisions", sections.troubles(rows)),
        ("Every step", sections.steps(rows)),
        ("Files and their digests", sections.files(rows)),
        ("Package and transfer", sections.packages(rows)),
        ("Fixity", sections.fixity(rows)),
        ("Proof", sections.proof(item_id, custody.proofs, rows)),
        ("How to read this document", sections.terms()),
    )
    contents = element("ol", *(_link(number, name) for number, (name, _) in enumerate(parts, 1)))
    main = element(
        "main",
        _changed(custody.differing),
        *(section(number, name, content) for number, (name, content) in enumerate(parts, 1)),
        id="content",
    )
    title = f"Chain of custody: {item_id}"
    made = f"Made from the sealed audit log on {sections.day_and_time(custody.made_at)}."
    return document(
        title,
        STYLE.read_text("utf-8"),
        element("a", "Skip to the content", href="#content", class_="skip"),
        element("header", element("h1", title), element("p", " ".join((made, *custody.standing)))),
        element("nav", contents, aria_label="Contents"),
        main,
    )


def _link(number: int, name: str) -> Markup:
    return element("li", element("a", name, href=f"#section-{number}"))


def _changed(differing: dict[int, str]) -> Markup:
    """A warning when rows were changed after sealing."""
    if not differing:
        return joined(())
    found = (element("li", f"Event {seq} {why}.") for seq, why in sorted(differing.items()))
    return element(
        "div",
        element("p", "Warning: the tables were changed after sealing.", class_="bad"),
        element("ul", *found),
        class_="notice",
        role="alert",
    )
