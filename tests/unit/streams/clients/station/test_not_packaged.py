"""Every file of a delivery is in the package, in quarantine, or named in the log with its digest."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from processors.acquire_page import acquire_page
from processors.outcome import Done, Rejected
from processors.page_list import canonical_json
from processors.rules.codes import escaped, is_error
from processors.tools import Area, Tools
from processors.validate_batch import validate_batch
from schemas.models import BatchAccepted, BatchReceived, ItemRegistered
from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from streams.clients.station.preflight import preflight
from streams.clients.station.scan import silent
from streams.clients.station.storing import store_delivery
from streams.settings import Settings
from tests.support.builders import a_head
from tests.support.deliveries import memory_tools
from tests.support.imaging_builders import an_admitted_page
from tests.support.random_folders import a_random_folder

FOLDERS = 500
PORTION = 50


def submitted(delivery: Delivery, tools: Tools, settings: Settings) -> Done | Rejected:
    """What pre-flight gives of a delivery that the station stored in memory."""
    assert store_delivery(delivery, tools.storage, settings, silent) == []
    manifest = tools.storage.keep(
        canonical_json(delivery.manifest),
        area=Area.STAGING,
        use="manifest",
        media_type="application/json",
    )
    outcome = validate_batch(
        BatchReceived(
            head=a_head(batch_id="b-1", item_id=None, page_id=None),
            manifest_sha256=delivery.manifest["checksums"]["manifest_sha256"],
            files=(manifest,),
        ),
        tools,
    )
    assert isinstance(outcome, Done | Rejected)
    return outcome


Place = dict[str, set[tuple[str, str]]]
"""Names and digests of files, by where they are."""


def places(outcome: Done, tools: Tools) -> Place:
    """The files in packages, in quarantine and in the log."""
    found: Place = {"package": set(), "quarantine": set(), "log": set()}
    for fact in outcome.facts:
        if isinstance(fact, BatchAccepted):
            for act in fact.acts[2:]:
                named = re.findall(r"(?:packaged: |; )(.+?) \(sha256:([0-9a-f]{64}), ", act.detail)
                assert [f"sha256:{digest}" for _, digest in named] == list(act.sources)
                found["log"] |= set(named)
        elif isinstance(fact, ItemRegistered):
            content = tools.storage.read(next(one for one in fact.files if one.use == "page-list"))
            listed = json.loads(content)
            found["package"] |= {_named(one["file"]) for one in listed["records"]}
            for page in listed["pages"]:
                _place(page, found, tools)
    return found


def _named(file: dict[str, Any]) -> tuple[str, str]:
    return escaped(file["path"]), file["sha256"]


def _place(page: dict[str, Any], found: Place, tools: Tools) -> None:
    if page["text"]:
        found["package"].add(_named(page["text"]))
    if page["file"]:
        content = tools.storage.objects[page["file"]["key"]]  # type: ignore[attr-defined]
        name = page["file"]["path"]
        acquired = acquire_page(an_admitted_page(tools, content, name=name), tools)
        place = "package" if isinstance(acquired, Done) else "quarantine"
        found[place].add(_named(page["file"]))


@pytest.mark.parametrize("first", range(0, FOLDERS, PORTION))
def test_every_file_of_a_random_folder_has_its_place(tmp_path: Path, first: int):
    settings = Settings.load({"COPYSTAND_HOME": str(tmp_path / "home")})
    published = 0
    for number in range(first, first + PORTION):
        folder, tools = tmp_path / f"d{number}", memory_tools(tmp_path / f"t{number}")
        names = a_random_folder(folder, number)
        delivery = read_folder(folder, SubmissionOptions("b-1"))
        found = [*delivery.diagnostics, *preflight(delivery)]
        if not delivery.may_be_published or any(map(is_error, found)):
            assert any(map(is_error, found)), f"folder {number} is refused without an error"
            continue
        published += 1

        outcome = submitted(delivery, tools, settings)

        assert isinstance(outcome, Done), f"folder {number}: {outcome}"
        somewhere = set[tuple[str, str]]().union(*places(outcome, tools).values())
        visible = [name for name in names if not _is_hidden(name)]
        digests = {name: sha256((folder / name).read_bytes()).hexdigest() for name in visible}
        nowhere = [one for one in digests.items() if (escaped(one[0]), one[1]) not in somewhere]
        assert nowhere == [], f"folder {number}"
        assert delivery.skipped == len(names) - len(visible), f"folder {number}"
    assert published > PORTION * 0.7


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "Thumbs.db"
