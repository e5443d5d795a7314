"""References to free text of persons, which facts and events have in the place of the text."""

import re

PREFIX = "text:hmac-sha256:"
REFERENCE = re.compile(rf"{PREFIX}([0-9a-f]{{64}})")
"""What facts and events have in the place of a text."""
VERIFIED = "accepted: the tar, its manifests and the content digest were verified"
FIXED = frozenset({"", "accepted", VERIFIED})
"""Texts of this software that stay as they are in the log: nobody wrote them."""


def is_reference(text: str) -> bool:
    """Whether a text is the reference to a stored one and nothing else."""
    return REFERENCE.fullmatch(text) is not None
