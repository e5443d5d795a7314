"""The act of a capture names device, driver, operator, settings and digests."""

from typing import Any

import pytest

from processors.captures import capture_acts, device_of
from processors.premis import events_of
from processors.route import accept_capture
from processors.tools import Tools
from schemas.models import Act, Agent, CaptureAccepted, CaptureSetting, PageCaptured
from tests.support.builders import a_file, a_head
from tests.support.capture_facts import stated_capture
from tests.support.imaging_builders import memory_tools


def a_capture(**changes: Any) -> PageCaptured:
    return PageCaptured(head=a_head(), **stated_capture(**{"pixels_sha256": "cd" * 32, **changes}))


def test_the_device_is_a_hardware_agent_with_its_serial_number_and_its_driver():
    (act,) = capture_acts(a_capture())

    assert act.type == "creation"
    assert [(one.type, one.name, one.version, one.role) for one in act.agents] == [
        ("software", "SANE", "sane 1.1", "executing program"),
        ("hardware", "Noname frontend-tester (S-1)", "sane 1.1", "capture device"),
        ("person", "o-17", None, "implementer"),
    ]
    assert act.sources == ("page:vol-1:0001",)
    assert act.results == (f"sha256:{'ab' * 32}",)
    for part in ("resolution_dpi: asked 300, confirmed 300", "source: asked flatbed", "cd" * 32):
        assert part in act.detail


def test_two_devices_of_a_model_are_two_agents():
    assert device_of(a_capture()) != device_of(a_capture(device_serial="S-2"))


def test_a_maker_is_not_written_twice():
    device = device_of(a_capture(device_make="EPSON", device_model="Epson V850"))

    assert device is not None and device.name == "Epson V850 (S-1)"


@pytest.mark.parametrize("changes", [{"driver": "watch"}, {"driver": None}])
def test_a_folder_or_an_unknown_driver_is_no_device(changes: dict[str, Any]):
    assert device_of(a_capture(**changes)) is None


def test_a_capture_of_an_earlier_sender_has_the_events_that_it_had():
    assert capture_acts(a_capture(driver=None)) == ()


def test_long_statements_of_a_station_fit_into_an_event():
    long = CaptureSetting(name="n" * 9999, asked="a" * 9999, confirmed="c" * 9999)

    (act,) = capture_acts(a_capture(settings=(long,) * 99, device_model="m" * 9999))

    assert len(act.detail) < 4000 and all(len(one.name) < 500 for one in act.agents)


@pytest.fixture
def tools(tmp_path) -> Tools:
    return memory_tools(tmp_path)


def test_the_router_takes_all_statements_and_adds_the_act(tools: Tools):
    capture = a_capture()

    (fact,) = accept_capture(capture, tools).facts  # type: ignore[union-attr]

    assert isinstance(fact, CaptureAccepted)
    assert (fact.settings, fact.pixels_sha256) == (capture.settings, "cd" * 32)
    assert [one.name for one in fact.settings] == ["resolution_dpi", "source"]
    assert fact.captured_at == capture.head.occurred_at
    assert [event.event_type for event in events_of(fact)] == ["capture", "creation"]


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "AB" * 32},
        {"pixels_sha256": "../../etc"},
        {"icc_sha256": ""},
        {"files": (a_file(),), "sha256": "ef" * 32},
    ],
    ids=["upper case", "a path", "empty", "of another file"],
)
def test_a_digest_that_is_none_or_another_is_refused(tools: Tools, changes: dict[str, Any]):
    refused = accept_capture(a_capture(**changes), tools)

    assert refused.code == "capture.digest-wrong"  # type: ignore[union-attr]


TARGET = "ef" * 32


def a_target_act(**changes: Any) -> Act:
    stated = {
        "type": "validation",
        "outcome": "war",
        "code": "target.colour-off",
        "detail": "Target colorchecker-24.",
        "agents": (Agent(type="person", name="o-99", role="implementer"),),
        "sources": ("page:other:0001", f"sha256:{TARGET}"),
        "results": ("item:other",),
    }
    return Act(**{**stated, **changes})


def test_what_a_target_showed_is_an_act_of_the_stations_program_about_the_page():
    capture = a_capture(acts=(a_target_act(),))

    _, act = capture_acts(capture)

    assert (act.type, act.outcome, act.code) == ("validation", "war", "target.colour-off")
    assert act.detail == "Target colorchecker-24."
    # A station cannot name other persons or objects.
    assert [(one.type, one.name) for one in act.agents] == [
        ("software", capture.head.producer.name)
    ]
    assert (act.sources, act.results) == (("page:vol-1:0001", f"sha256:{TARGET}"), ())


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "ingestion"},
        {"outcome": "fai"},
        {"code": "page.not-decodable"},
        {"code": "target.\n"},
    ],
)
def test_no_other_act_is_taken_from_a_station(changes: dict[str, Any]):
    (act,) = capture_acts(a_capture(acts=(a_target_act(**changes),)))

    assert act.type == "creation"


def test_the_act_of_a_target_is_cut_to_what_the_log_can_have():
    acts = (a_target_act(detail="x" * 9000), a_target_act(detail="second"))

    made = capture_acts(a_capture(acts=acts))

    assert [len(one.detail) for one in made[1:]] == [3500]
