"""Collects the digests that a delivery states: in lists, sidecars, and bags."""

from streams.clients.station import fixity
from streams.clients.station.capture_record import records_of_captures
from streams.clients.station.checksum_lists import lists_of
from streams.clients.station.delivered_order import ORDER_JSON, order_among
from streams.clients.station.delivered_targets import TARGETS_JSON, targets_among

VENDORS = ("md5", "sha1", "sha512")
"""Algorithms whose delivered digests are recorded in the manifest."""


def vendor_checksums(stated: fixity.StatedChecksums) -> dict[str, list[str]]:
    """The digests that the manifest records, as `md5:…`, by file name."""
    by_name: dict[str, set[str]] = {}
    for one in stated.expected:
        if one.algorithm in VENDORS:
            by_name.setdefault(one.name, set()).add(f"{one.algorithm}:{one.digest}")
    return {name: sorted(checksums) for name, checksums in by_name.items()}


def stated_checksums(files: fixity.Files, bags: list[str]) -> fixity.StatedChecksums:
    """The digests in the lists, sidecars and bags of a delivery, and the files with them."""
    of_bags = [fixity.bag_of(bag, files) for bag in bags]
    stated = lists_of(files, frozenset(name for one in of_bags for name in one.consumed))
    stated.consumed |= records_of_captures(files.values())
    stated.consumed |= {ORDER_JSON} if order_among(files.values()) else set()
    stated.consumed |= {TARGETS_JSON} if targets_among(files.values()) else set()
    for of_bag in of_bags:
        stated.expected += of_bag.expected
        stated.consumed |= of_bag.consumed
        stated.diagnostics += of_bag.diagnostics
    return stated
