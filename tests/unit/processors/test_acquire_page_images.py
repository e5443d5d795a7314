"""The steps on a page that is one of several images of a file."""

from pathlib import Path
from typing import Any

import pytest
import pyvips
from lxml import etree

from processors.acquire_page import acquire_page
from processors.derive_page import derive_page
from processors.describe_page import describe_page
from processors.outcome import Done, Outcome
from processors.recognize_page import recognize_page
from processors.tools import Tools
from schemas.models import Fact, PageAcquired
from tests.support.imaging_builders import HEAD, an_admitted_page, as_next_input, memory_tools
from tests.support.multi_image import damage, page_sizes, write_one, write_scan


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return write_scan(tmp_path / "scan.tif")


def acquired(tools: Tools, scan: Path, image: int | None, **changes: Any) -> Outcome:
    rules = {"more_images": "pages", **changes.pop("rules", {})}
    content, name = scan.read_bytes(), scan.name
    page = an_admitted_page(tools, content, name=name, image=image, rules=rules, **changes)
    return acquire_page(page, tools)


def only_fact(outcome: Outcome) -> Any:
    assert isinstance(outcome, Done), outcome
    (fact,) = outcome.facts
    return fact


def file_of(fact: Fact, use: str, tools: Tools) -> bytes:
    return tools.storage.read(next(file for file in fact.files if file.use == use))


def test_each_page_is_its_own_image(tools: Tools, scan: Path):
    facts: list[PageAcquired] = [only_fact(acquired(tools, scan, n)) for n in range(1, 6)]

    assert [(fact.width_px, fact.height_px) for fact in facts] == page_sizes()
    assert [fact.image for fact in facts] == [1, 2, 3, 4, 5]
    assert len({fact.files[0].sha256 for fact in facts}) == 1
    assert "Image 4 of the file: structure checked" in facts[3].acts[2].detail
    assert "page.more-images" not in {act.code for fact in facts for act in fact.acts}


def test_damage_refuses_only_the_page_of_the_damaged_image(tools: Tools, scan: Path):
    damage(scan, 4)

    outcomes = [acquired(tools, scan, number) for number in range(1, 6)]

    codes = [getattr(outcome, "code", None) for outcome in outcomes]
    assert codes == [None, None, None, "page.not-decodable", None]
    assert getattr(outcomes[3], "where", "") == "scan.tif, image 4"


def test_a_file_with_several_images_is_not_one_page(tools: Tools, scan: Path):
    outcome = acquired(tools, scan, None)

    assert getattr(outcome, "code", None) == "page.more-images"


def test_a_profile_that_refuses_several_images_refuses_each(tools: Tools, scan: Path):
    outcome = acquired(tools, scan, 2, rules={"more_images": "refuse"})

    assert getattr(outcome, "code", None) == "page.more-images"


@pytest.mark.parametrize("image", [6, 20_000])
def test_an_image_that_the_file_does_not_have_is_refused(tools: Tools, scan: Path, image: int):
    outcome = acquired(tools, scan, image)

    assert getattr(outcome, "code", None) == "page.not-decodable"
    assert "the number of images is 5" in getattr(outcome, "found", "")


def test_a_corrected_file_may_have_the_page_alone(tools: Tools, tmp_path: Path):
    alone = write_one(tmp_path / "corrected.tif", 4)
    later = HEAD.model_copy(update={"revision": 2})

    fact = only_fact(acquired(tools, alone, 4, head=later))

    assert (fact.image, fact.width_px) == (None, page_sizes()[3][0])
    assert getattr(acquired(tools, alone, 4), "code", None) == "page.not-decodable"


def test_a_corrected_file_may_have_all_images(tools: Tools, scan: Path):
    later = HEAD.model_copy(update={"revision": 2})

    fact = only_fact(acquired(tools, scan, 4, head=later))

    assert (fact.image, fact.width_px) == (4, page_sizes()[3][0])


def test_reading_images_show_the_image_of_the_page(tools: Tools, scan: Path):
    page = as_next_input(only_fact(acquired(tools, scan, 3)))

    derived = only_fact(derive_page(page, tools))

    for use in ("pyramid", "access"):
        image = pyvips.Image.new_from_buffer(file_of(derived, use, tools), "")
        assert (image.width, image.height) == page_sizes()[2]


def test_the_text_is_that_of_the_image(tools: Tools, scan: Path):
    page = as_next_input(only_fact(acquired(tools, scan, 2)))

    read = only_fact(recognize_page(page, tools))

    assert b"Page 2" in file_of(read, "text", tools)
    alto = etree.fromstring(file_of(read, "alto", tools))
    digest = page.files[0].sha256[:16]
    assert alto.findtext(".//{*}fileName") == f"ms-1__{digest}.tif"


def test_mix_describes_the_image_and_the_file(tools: Tools, scan: Path):
    page = as_next_input(only_fact(acquired(tools, scan, 5)))

    mix = etree.fromstring(file_of(only_fact(describe_page(page, tools)), "mix", tools))

    size = (mix.findtext(".//{*}imageWidth"), mix.findtext(".//{*}imageHeight"))
    assert size == tuple(map(str, page_sizes()[4]))
    assert mix.findtext(".//{*}fileSize") == str(scan.stat().st_size)
    assert mix.findtext(".//{*}messageDigest") == page.files[0].sha256


def test_describing_an_image_twice_gives_equal_documents(tools: Tools, scan: Path):
    page = as_next_input(only_fact(acquired(tools, scan, 2)))

    assert describe_page(page, tools) == describe_page(page, tools)
