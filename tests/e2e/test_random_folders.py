"""Every file of random folders is in a package, in quarantine, or named in the log of the line."""

import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.random_folders import a_random_folder
from tests.support.running_line import Line, wait_for

FIRST, AT_ONCE = 1000, 3
FOLDERS = int(os.environ.get("FOLDERS", "5"))
"""`make folders` submits more."""
WAIT_SECONDS = 200
LOG_SECONDS = 60
"""Longest time until the log shows what was just done."""
ASKED = ("--by", "p-4", "--reason", "the line must go on")


@pytest.fixture(scope="module")
def folders(line: Line, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders that were published, by batch; their damaged pages are withdrawn."""
    at = tmp_path_factory.mktemp("random")

    def delivered(number: int) -> tuple[str, Path, dict[str, Any]]:
        folder, batch_id = at / str(number), f"random-{number}"
        a_random_folder(folder, number)
        words = ("--batch-id", batch_id, "--wait", "--timeout", str(WAIT_SECONDS), "--json")
        answer = line.run("station", "submit", folder, *words)
        assert answer.document and answer.code in (0, 1), answer
        if answer.document["quarantined"]:
            # Refused for the last page of an item, which stays in quarantine.
            line.run("quarantine", "withdraw", "--batch", batch_id, *ASKED)
        return batch_id, folder, answer.document

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(delivered, range(FIRST, FIRST + FOLDERS)))
    refused = [told for *_, told in answers if told["state"] == "refused"]
    assert all(_has_error(told) for told in refused)
    return {batch: folder for batch, folder, told in answers if told["state"] != "refused"}


def _has_error(told: dict[str, Any]) -> bool:
    return any(one["severity"] in ("fatal", "error") for one in told["diagnostics"])


@pytest.mark.timeout(600)
def test_every_file_of_a_published_folder_has_its_place(
    line: Line, folders: dict[str, Path], tmp_path: Path
):
    assert len(folders) > FOLDERS / 2
    for batch_id, folder in folders.items():
        line.wait_for_figures(batch_id, seconds=WAIT_SECONDS, in_flight=0)
        wait_for(
            lambda: nowhere(line, batch_id, folder, tmp_path) == {},  # noqa: B023
            LOG_SECONDS,
            lambda: f"{batch_id}: {nowhere(line, batch_id, folder, tmp_path)}",  # noqa: B023
        )


def nowhere(line: Line, batch_id: str, folder: Path, into: Path) -> dict[str, str]:
    """The files of a folder that are in no package, not in quarantine and not in the log."""
    somewhere = packaged(line, batch_id, into) | logged(line, "batch", batch_id)
    left = {name: one for name, one in digests(folder).items() if one not in somewhere}
    if left:
        for row in line.ask("quarantine", "list", "--batch", batch_id):
            somewhere |= logged(line, "page", row["page_id"])
    return {name: one for name, one in left.items() if one not in somewhere}


def packaged(line: Line, batch_id: str, into: Path) -> set[str]:
    """The digests of the files in the packages of a batch."""
    found: set[str] = set()
    for row in line.ask("packages", "list", "--batch", batch_id):
        bag = into / row["package_id"]
        if not bag.exists():
            line.ask("packages", "fetch", row["package_id"], into)
        lines = (bag / "manifest-sha256.txt").read_text().splitlines()
        found |= {one.partition(" ")[0] for one in lines}
    return found


def logged(line: Line, kind: str, name: str) -> set[str]:
    """The digests that the events about a batch or a page name."""
    return {
        one.removeprefix("sha256:") for event in line.events(kind, name) for one in event["objects"]
    }


def digests(folder: Path) -> dict[str, str]:
    """The digest of each file that is not hidden."""
    files = (path for path in folder.rglob("*") if path.is_file())
    names = ((path.relative_to(folder).as_posix(), path) for path in files)
    return {
        name: sha256(path.read_bytes()).hexdigest()
        for name, path in names
        if not name.startswith(".") and path.name != "Thumbs.db"
    }
