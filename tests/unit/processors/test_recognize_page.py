"""The text of a page is recognised with reproducible outputs."""

import os
import re
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pyvips
from lxml import etree

from processors import profile
from processors import recognize_page as recognize_module
from processors.acquire_page import acquire_page
from processors.frozen_profile import with_installed
from processors.ocr import installation, program_engine
from processors.ocr.alto import NS4
from processors.outcome import Done, Rejected, ToolCrashed, ToolHung, TryLater
from processors.recognize_page import recognize_page
from processors.tools import Area, Tools
from schemas.models import PageAcquired, PageRecognized
from tests.support.imaging_builders import an_admitted_page, as_next_input, memory_tools

PRINTED = Path(__file__).parents[3] / "tests" / "data" / "images" / "printed_lines.png"
USES = ["alto", "hocr", "text", "tsv", "pdf"]


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def an_acquired_page(tools: Tools, content: bytes | None = None, **changes) -> PageAcquired:
    page = an_admitted_page(tools, content or PRINTED.read_bytes(), name="f1.png", **changes)
    outcome = acquire_page(page, tools)
    assert isinstance(outcome, Done), outcome
    return as_next_input(outcome.facts[0])


def recognized(tools: Tools, page: PageAcquired) -> PageRecognized:
    outcome = recognize_page(page, tools)
    assert isinstance(outcome, Done), outcome
    return outcome.facts[0]


def contents(tools: Tools, fact: PageRecognized) -> dict[str, bytes]:
    return {file.use: tools.storage.read(file) for file in fact.files}


def test_reads_print_into_five_files(tools: Tools):
    fact = recognized(tools, an_acquired_page(tools))

    text = contents(tools, fact)["text"].decode()
    assert text.split() == ["The", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog."]
    assert [file.use for file in fact.files] == USES
    assert (fact.read, fact.models, fact.words, fact.characters) == (True, ("eng",), 9, 36)
    assert fact.mean_confidence is not None and fact.mean_confidence > 80


def test_has_one_act_that_names_software_models_and_files(tools: Tools):
    page = an_acquired_page(tools)

    fact = recognized(tools, page)

    (act,) = fact.acts
    assert (act.type, act.outcome) == ("creation", "suc")
    assert [agent.name for agent in act.agents] == [
        "libvips", "tesserocr", "tesseract", "tesseract model eng",
    ]  # fmt: skip
    assert act.sources == (f"sha256:{page.files[0].sha256}",)
    assert act.results == tuple(f"sha256:{file.sha256}" for file in fact.files)


def test_gives_the_same_bytes_in_another_folder(tools: Tools, tmp_path: Path):
    other = memory_tools(tmp_path / "other" / "place")
    first = recognized(tools, an_acquired_page(tools))
    time.sleep(1.1)  # A second later the clock in the PDF would read otherwise.

    second = recognized(other, an_acquired_page(other))

    assert second == first


def test_positions_are_in_the_pixels_of_the_master(tools: Tools):
    larger = (
        pyvips.Image.new_from_file(str(PRINTED)).resize(2).copy(xres=600 / 25.4, yres=600 / 25.4)
    )
    page = an_acquired_page(tools, larger.pngsave_buffer())

    files = contents(tools, recognized(tools, page))

    root = etree.fromstring(files["alto"])
    size = root.find(f".//{{{NS4}}}Page")
    first = root.find(f".//{{{NS4}}}String")
    assert (size.get("WIDTH"), size.get("HEIGHT")) == (str(page.width_px), str(page.height_px))
    assert 140 <= int(first.get("HPOS")) <= 180
    assert f"bbox 0 0 {page.width_px} {page.height_px}".encode() in files["hocr"]
    assert f"\t0\t0\t{page.width_px}\t{page.height_px}\t".encode() in files["tsv"]
    assert "grey copy" in root.findtext(f".//{{{NS4}}}processingStepSettings")


def test_a_master_with_an_orientation_tag_is_read_upright(tools: Tools):
    turned = pyvips.Image.new_from_file(str(PRINTED)).rot270().copy()
    turned.set_type(pyvips.GValue.gint_type, "orientation", 6)
    page = an_acquired_page(tools, turned.tiffsave_buffer(compression="lzw"))

    files = contents(tools, recognized(tools, page))

    size = etree.fromstring(files["alto"]).find(f".//{{{NS4}}}Page")
    assert b"quick brown fox" in files["text"]
    assert (size.get("WIDTH"), size.get("HEIGHT")) == (str(page.height_px), str(page.width_px))


def test_every_file_contains_the_packaged_name_of_the_master(tools: Tools, tmp_path: Path):
    files = contents(tools, recognized(tools, an_acquired_page(tools)))

    assert b"<fileName>ms-1_0001.png</fileName>" in files["alto"]
    assert b'image "ms-1_0001.png"' in files["hocr"]
    assert b"/CreationDate (D:19700101000000Z)" in files["pdf"]
    assert not any(str(tmp_path).encode() in content for content in files.values())


def test_confidences_are_those_of_the_words(tools: Tools):
    fact = recognized(tools, an_acquired_page(tools))

    strings = etree.fromstring(contents(tools, fact)["alto"]).iter(f"{{{NS4}}}String")
    confidences = [float(string.get("WC")) for string in strings]
    assert len(confidences) == fact.words
    assert sum(confidences) / fact.words * 100 == pytest.approx(fact.mean_confidence, abs=0.05)


@pytest.mark.parametrize("kind", ["target", "blank"])
def test_does_not_read_targets_and_blanks(tools: Tools, kind: str):
    fact = recognized(tools, an_acquired_page(tools, kind=kind))

    assert (fact.read, fact.files, fact.acts) == (False, (), ())


def test_does_not_read_pages_without_language(tools: Tools):
    assert not recognized(tools, an_acquired_page(tools, languages=("zxx",))).read


def test_warns_if_no_word_is_found(tools: Tools):
    white = (pyvips.Image.black(400, 300) + 255).cast("uchar").tiffsave_buffer()

    fact = recognized(tools, an_acquired_page(tools, white))

    assert (fact.words, fact.mean_confidence) == (0, None)
    assert [act.code for act in fact.acts[1:]] == ["page.no-text-found"]


def test_warns_if_the_confidence_is_low(tools: Tools):
    rules = {"ocr": {"confidence_floor": 99.9}}

    fact = recognized(tools, an_acquired_page(tools, rules=rules))

    assert [act.code for act in fact.acts[1:]] == ["page.confidence-low"]


def test_the_fact_names_the_optional_branches(tools: Tools):
    page = an_acquired_page(tools, script="Latn")
    page = page.model_copy(update={"optional_branches": ("enrich_page",)})

    read, not_read = (
        recognized(tools, page.model_copy(update={"kind": kind})) for kind in ("page", "blank")
    )

    assert (read.script, read.optional_branches) == ("Latn", ("enrich_page",))
    assert (not_read.script, not_read.optional_branches) == ("Latn", ("enrich_page",))


def test_a_page_above_the_limit_of_tesseract_is_reduced(tools: Tools):
    line = pyvips.Image.new_from_file(str(PRINTED))
    long = line.embed(0, 0, 33_000, line.height, extend="white")
    page = an_acquired_page(tools, long.tiffsave_buffer(compression="lzw", xres=10, yres=10))

    fact = recognized(tools, page)

    root = etree.fromstring(contents(tools, fact)["alto"])
    assert root.find(f".//{{{NS4}}}Page").get("WIDTH") == "33000"
    assert page.resolution_dpi is not None
    assert "fox" in contents(tools, fact)["text"].decode()


def test_rejects_an_unknown_language(tools: Tools):
    page = an_acquired_page(tools).model_copy(update={"languages": ("xyz",)})

    outcome = recognize_page(page, tools)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "language.unknown"


def test_a_missing_model_is_a_transient_failure(tools: Tools, monkeypatch):
    monkeypatch.setattr(installation, "installed_models", lambda: frozenset({"osd"}))

    outcome = recognize_page(an_acquired_page(tools), tools)

    assert isinstance(outcome, TryLater)
    assert outcome.why == "no recognition model is installed for eng (eng)"


BY_PROGRAM = {"recognition": {"engine": "pytesseract"}}


def guarded_as(monkeypatch, folder: Path, script: str) -> None:
    program = folder / "tesseract"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(program_engine.pytesseract.pytesseract, "tesseract_cmd", str(program))


def test_a_hanging_tesseract_is_ended_in_time(tools: Tools, tmp_path: Path, monkeypatch):
    page = an_acquired_page(tools, rules={**BY_PROGRAM, "ocr": {"timeout_seconds": 0.3}})
    guarded_as(monkeypatch, tmp_path, f"echo $$ > {tmp_path}/pid\nexec sleep 60")

    with pytest.raises(ToolHung, match=r"no answer in 0\.3 s"):
        recognize_page(page, tools)

    pid = (tmp_path / "pid").read_text().strip()
    assert not Path("/proc", pid).exists()
    assert list(tools.scratch.iterdir()) == []


@pytest.mark.parametrize("script", ["kill -SEGV $$", "exit 1", "exit 0"])
def test_a_crash_of_tesseract_is_reported(tools: Tools, tmp_path: Path, monkeypatch, script: str):
    page = an_acquired_page(tools, rules=BY_PROGRAM)
    guarded_as(monkeypatch, tmp_path, script)

    with pytest.raises(ToolCrashed):
        recognize_page(page, tools)


def test_the_scratch_folder_is_empty_afterwards(tools: Tools):
    recognized(tools, an_acquired_page(tools))

    assert list(tools.scratch.iterdir()) == []


def test_tesseract_is_started_through_its_wrapper():
    words = installation.GUARDED.read_text()

    assert os.access(installation.GUARDED, os.X_OK)
    assert "OMP_THREAD_LIMIT=1" in words
    assert "setpriv --pdeathsig KILL tesseract" in words


def test_a_film_is_read_without_scaling(tools: Tools):
    film = pyvips.Image.new_from_file(str(PRINTED)).copy(xres=4800 / 25.4, yres=4800 / 25.4)
    page = an_acquired_page(tools, film.tiffsave_buffer())

    fact = recognized(tools, page)

    assert page.resolution_dpi == pytest.approx(4800, abs=1)
    assert b"quick brown fox" in contents(tools, fact)["text"]


UNSTATED = {"unstated_language": {"models": ["eng", "fra"]}}


@pytest.mark.parametrize("codes", [(), ("und",), ("mul",)])
def test_a_page_without_a_stated_language_says_how_its_model_was_chosen(
    tools: Tools, codes: tuple[str, ...]
):
    fact = recognized(tools, an_acquired_page(tools, languages=codes, rules=UNSTATED))

    assert (fact.languages, fact.models) == (codes, ("eng",))
    reason = "models eng (language not stated, chosen from eng+fra: "
    assert reason in fact.acts[0].detail
    assert {"py3langid", "py3langid model"} < {agent.name for agent in fact.acts[0].agents}
    settings = etree.fromstring(contents(tools, fact)["alto"]).findtext(
        f".//{{{NS4}}}processingStepSettings"
    )
    assert reason in (settings or "")


def test_a_page_that_no_candidate_reads_well_asks_for_language_and_script(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
):
    read = recognize_module.read_with_chosen_model

    def in_doubt(*arguments: object, **options: object) -> object:
        return replace(read(*arguments, **options), doubt="Greek, confidence 5.1")

    monkeypatch.setattr(recognize_module, "read_with_chosen_model", in_doubt)

    fact = recognized(tools, an_acquired_page(tools, languages=(), rules=UNSTATED))

    (warning,) = (act for act in fact.acts if act.code == "page.script-unstated")
    assert (warning.type, warning.outcome) == ("validation", "war")
    assert "Detected script: Greek, confidence 5.1." in warning.detail


@pytest.mark.parametrize("models", [["eng", "xho"], []])
def test_a_worker_that_lacks_a_model_of_the_profile_defers_the_page(
    tools: Tools, models: list[str]
):
    rules = {"unstated_language": {"models": models}}

    outcome = recognize_page(an_acquired_page(tools, languages=(), rules=rules), tools)

    assert isinstance(outcome, TryLater)
    assert "no recognition model is installed for" in outcome.why


def test_a_script_says_which_model_to_use(tools: Tools):
    page = an_acquired_page(tools, languages=(), script="Latf")

    assert recognized(tools, page).models == ("Fraktur",)


def frozen_with(engine: str) -> dict[str, Any]:
    resolved = profile.resolve("as-delivered")
    return with_installed({**resolved, "recognition": {"engine": engine}})


@pytest.mark.parametrize("engine", ["pytesseract", "tesserocr"])
def test_text_agent_and_alto_name_the_engine_of_the_profile_with_its_models(
    tools: Tools, engine: str
):
    frozen = frozen_with(engine)
    page = an_acquired_page(tools, rules=frozen)

    fact = recognized(tools, page)

    software, models = frozen["recognition"]["software"], frozen["recognition"]["models"]
    agents = {agent.name: agent.version for agent in fact.acts[0].agents}
    assert software.items() <= agents.items()
    assert ("tesserocr" in agents) == (engine == "tesserocr")
    assert agents["tesseract model eng"] == models["eng"] == f"sha256:{digest_of_file('eng')}"
    alto = etree.fromstring(contents(tools, fact)["alto"])
    named = alto.find(f".//{{{NS4}}}processingSoftware")
    assert named.findtext(f"{{{NS4}}}softwareVersion") == software["tesseract"]
    calls = named.findtext(f"{{{NS4}}}applicationDescription")
    assert calls == (f"tesserocr {software['tesserocr']}" if engine == "tesserocr" else None)
    settings = alto.findtext(f".//{{{NS4}}}processingStepSettings")
    assert settings.endswith(f"; model eng {models['eng']}")


def digest_of_file(model: str) -> str:
    return sha256((installation.models_folder() / f"{model}.traineddata").read_bytes()).hexdigest()


def test_a_profile_of_an_earlier_version_means_the_program(tools: Tools):
    page = an_acquired_page(tools)
    earlier = profile.resolve("as-delivered")
    del earlier["recognition"]
    files = [file for file in page.files if file.use != "profile"]
    document = tools.storage.keep(
        profile.canonical(earlier), area=Area.RECORDS, use="profile", media_type="text/plain"
    )

    fact = recognized(tools, page.model_copy(update={"files": (*files, document)}))

    agents = [(agent.name, agent.version) for agent in fact.acts[0].agents]
    assert agents[1:] == [
        ("tesseract", installation.program_version()), ("tesseract model eng", None),
    ]  # fmt: skip
    if [version for _, version in agents[:2]] == ["8.18.7", "5.3.0"]:
        # What earlier versions made of this page with these tools.
        assert [file.sha256[:16] for file in fact.files] == [
            "bfb127c2330906e3", "6efe0942d9ed3ae1", "0e4eeb1f85edc0ff", "71dd0b277dbfcb61",
            "4e16ce5edc72ee4b",
        ]  # fmt: skip


@pytest.mark.parametrize("engine", ["pytesseract", "tesserocr"])
@pytest.mark.parametrize(
    ("part", "name", "says"),
    [
        ("software", "tesseract", "the batch was accepted with .*tesseract 0.0.*, this worker has"),
        ("models", "eng", "the batch was accepted with model eng 0.0, this worker has sha256:"),
    ],
)
def test_a_worker_with_another_engine_or_model_than_the_batch_was_accepted_with_defers_the_page(
    tools: Tools, engine: str, part: str, name: str, says: str
):
    frozen = frozen_with(engine)
    frozen["recognition"][part] = {**frozen["recognition"][part], name: "0.0"}

    outcome = recognize_page(an_acquired_page(tools, rules=frozen), tools)

    assert isinstance(outcome, TryLater)
    assert re.search(says, outcome.why), outcome.why


def test_a_model_that_was_installed_later_is_not_used(tools: Tools):
    frozen = frozen_with("tesserocr")
    del frozen["recognition"]["models"]["eng"]

    outcome = recognize_page(an_acquired_page(tools, rules=frozen), tools)

    assert isinstance(outcome, TryLater)
    assert outcome.why == "no recognition model is installed for eng (eng)"
