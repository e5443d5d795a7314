"""The generated collection of the demo is the same for the same seed."""

import json
import random
from pathlib import Path

import pytest
import pyvips

from processors.outcome import Rejected, subject
from processors.rules.codes import is_error
from processors.tools import Area, Tools
from processors.validate_batch import validate_batch
from schemas.models import BatchReceived
from streams.demo.accuracy import character_error_rate, edit_distance
from streams.demo.collection import VOLUMES, make_loose_leaves
from streams.demo.faults import FAULT_CODES, faulty_manifest
from streams.demo.printing import Sheet, printed
from streams.demo.texts import LATIN, page_of, with_long_s
from streams.storage.memory import MemoryStorage


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first = make_loose_leaves(tmp_path / "one", seed=7)
    second = make_loose_leaves(tmp_path / "two", seed=7)
    other = make_loose_leaves(tmp_path / "three", seed=8)

    def pages(root: Path) -> list[bytes]:
        return [path.read_bytes() for path in sorted(root.rglob("f*.tif"))]

    assert pages(first.folder) == pages(second.folder)
    assert first.truth == second.truth
    assert pages(first.folder) != pages(other.folder)


def test_ground_truth_is_outside_of_the_delivered_folder(tmp_path: Path) -> None:
    delivery = make_loose_leaves(tmp_path)

    delivered = {path.name for path in delivery.folder.rglob("*") if path.is_file()}
    assert delivered == {"item.json", "f1.tif", "f2.tif", "f3.tif"}
    assert len(list((tmp_path / "truth" / delivery.batch_id).iterdir())) == len(delivery.truth) == 3


@pytest.mark.parametrize("volume", VOLUMES, ids=lambda volume: volume.folder)
def test_a_page_of_every_volume_fits_and_has_its_resolution(volume) -> None:
    image = printed(volume.text(1), volume.face, Sheet(60, 1, 0.4, volume.grey))

    assert image.get("xres") == pytest.approx(60 / 25.4)
    assert image.bands == (1 if volume.grey else 3)


def test_refuses_a_text_longer_than_the_page() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        printed("word " * 2000, VOLUMES[0].face, Sheet(60, 1, 0.0))


def test_paper_is_uneven_where_nothing_is_printed() -> None:
    image = printed("one word", VOLUMES[0].face, Sheet(60, 1, 0.0))

    empty: pyvips.Image = image.crop(0, image.height // 2, image.width, image.height // 2)
    assert empty.deviate() > 2


def test_a_page_is_made_of_different_sentences() -> None:
    text = page_of(LATIN, 400, random.Random(3))

    assert 300 < len(text) <= 402
    assert len(set(text.split(". "))) == len(text.split(". "))


def test_long_s_occurs_inside_words_only() -> None:
    assert with_long_s("Das Wasser ist Eis.") == "Das Waſſer iſt Eis."


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
        ("abc", "abc", 0),
        ("a" * 90, "b" + "a" * 90, 1),
    ],
)
def test_edit_distance(one: str, other: str, distance: int) -> None:
    assert edit_distance(one, other) == distance


def test_edit_distance_agrees_with_the_textbook() -> None:
    rng = random.Random(5)
    for _ in range(200):
        one, other = ("".join(rng.choices("abc", k=rng.randrange(80))) for _ in range(2))

        assert edit_distance(one, other) == _textbook(one, other)


def _textbook(one: str, other: str) -> int:
    row = list(range(len(one) + 1))
    for line, character in enumerate(other, 1):
        previous, row[0] = row[0], line
        for column, expected in enumerate(one, 1):
            previous, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, previous + (character != expected)),
            )
    return row[-1]


def test_error_rate_weighs_pages_by_length_and_folds_white_space() -> None:
    rate = character_error_rate([("a  b\nc", "a b c"), ("abcde", "abXde")])

    assert rate == pytest.approx(1 / 10)
    assert character_error_rate([]) is None


def test_the_faulty_manifest_has_the_three_faults_and_no_other(tmp_path: Path) -> None:
    manifest, arriving = faulty_manifest(make_loose_leaves(tmp_path / "material"))
    storage = MemoryStorage(tmp_path / "store")
    for content in (*(path.read_bytes() for path in arriving), manifest):
        stored = storage.keep(content, area=Area.STAGING, use="manifest", media_type="any")
    digest = json.loads(manifest)["checksums"]["manifest_sha256"]
    batch = BatchReceived(
        head=subject(batch_id="demo-faults"), manifest_sha256=digest, files=(stored,)
    )

    outcome = validate_batch(batch, Tools(storage=storage, scratch=tmp_path))

    assert isinstance(outcome, Rejected)
    faults = [one.code for one in outcome.diagnostics if is_error(one)]
    assert sorted(faults) == sorted(FAULT_CODES)
