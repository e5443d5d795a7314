"""The example of docs/how-to/write-a-profile.md does what the page says."""

import re
from pathlib import Path

import pytest

from processors.header_check import check_header
from processors.profile import Profile, canonical, resolve
from tests.support.captures import GREY_ICC, INPUT_ICC, SHORT, SRGB_ICC, page, tiff

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "write-a-profile.md").read_text("utf-8")
CLAIM = re.compile(
    r"^- (A page of 300 dpi|A grey page|A page in sRGB|A page with an orientation tag|A page of 596 dpi with the profile of the scanner) is (refused|kept): `?([a-z.-]+|the tolerance is 1 %)`?\.$",
    re.M,
)
PAGES = {
    "A page of 300 dpi": lambda: tiff(page("rgb"), dpi=300, icc=INPUT_ICC),
    "A grey page": lambda: tiff(page("grey"), dpi=600, icc=GREY_ICC),
    "A page in sRGB": lambda: tiff(page("rgb"), dpi=600, icc=SRGB_ICC),
    "A page with an orientation tag": lambda: tiff(
        page("rgb"), dpi=600, icc=INPUT_ICC, extratags=[(274, SHORT, 1, 6, True)]
    ),
    "A page of 596 dpi with the profile of the scanner": lambda: tiff(
        page("rgb"), dpi=596, icc=INPUT_ICC
    ),
}


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """The example as it is on the page."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "incunabula.toml").write_text(text)
    return Profile.from_json(canonical(resolve("incunabula", tmp_path)))


def test_the_page_claims_something_about_each_example():
    assert {name for name, _, _ in CLAIM.findall(PAGE)} == set(PAGES)


@pytest.mark.parametrize(("name", "verdict", "code"), CLAIM.findall(PAGE))
def test_each_claim_is_true(name: str, verdict: str, code: str, profile: Profile, tmp_path: Path):
    path = tmp_path / "0001.tif"
    path.write_bytes(PAGES[name]())

    refused = check_header(path, path.name, profile).refused

    assert (refused.code if refused else None) == (code if verdict == "refused" else None)
