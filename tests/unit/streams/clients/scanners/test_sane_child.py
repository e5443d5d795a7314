"""What the messages of scanimage mean."""

import pytest

from streams.clients.scanners.sane_child import status_in


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("scanimage: sane_read: Document feeder jammed", 6),
        ("scanimage: sane_start: Document feeder out of documents", 7),
        ("scanimage: sane_read: Operation was canceled", 2),
        ("scanimage: open of device x:0 failed: Invalid argument", 4),
        ("scanimage: open of device x:0 failed: Device busy", 3),
        ("scanimage: sane_read: Error during device I/O", 9),
        ("Scanning page 1\nscanimage: sane_read: Scanner cover is open\n", 8),
        ("Output format is not set, using pnm as a default.", None),
        ("Scanned page 1. (scanner status = 5)", None),
        ("", None),
    ],
)
def test_finds_the_status_in_the_messages(message: str, status: int | None):
    assert status_in(message) == status
