"""Links between our pages lead somewhere, and pages that are generated are fresh."""

import re
from pathlib import Path

import pytest

from docs import generate

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^]]*\]\(([^)#:\s]*)(#[^)\s]*)?\)")


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(page.read_text("utf-8")):
        at = page.parent / target if target else page
        if not at.exists() or (anchor and anchor[1:] not in _anchors(at.read_text("utf-8"))):
            broken.append(target + anchor)

    assert broken == []


@pytest.mark.parametrize("name", sorted(generate.pages()))
def test_generated_page_is_fresh(name: str) -> None:
    kept = (ROOT / "docs" / name).read_text("utf-8")

    assert kept == generate.pages()[name], "stale; run: python -m docs.generate"


def test_readme_names_every_role_and_no_command_that_is_not_there() -> None:
    from streams.cli.main import COMMANDS
    from streams.topology import ROLES

    readme = PAGES[0].read_text("utf-8")

    assert all(f"| `{role}` |" in readme for role in ROLES)
    named = set(re.findall(r"^copystand (\w+)", readme, re.MULTILINE))
    assert named <= set(COMMANDS)
