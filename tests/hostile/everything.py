"""All hostile inputs that have an answer of their own kind; damaged images are in images.py."""

from collections.abc import Iterator

from tests.hostile.case import Hostile
from tests.hostile.documents import documents
from tests.hostile.manifests import manifests
from tests.hostile.messages import Message, messages
from tests.hostile.no_images import no_images
from tests.hostile.pictures import pictures

SEED = 5


def files(seed: int = SEED) -> Iterator[Hostile]:
    """Inputs that are files: images, records, texts, manifests."""
    yield from pictures()
    yield from no_images(seed)
    yield from documents()
    yield from manifests()


def everything(seed: int = SEED) -> list[Hostile | Message]:
    """All that are made here; the same seed gives the same bytes."""
    return [*files(seed), *messages(seed)]
