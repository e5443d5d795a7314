"""The client of network scanners against a simulated device that misbehaves."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pyvips
from zeroconf import ServiceInfo, Zeroconf

from streams.clients.scanners import escl_driver
from streams.clients.scanners.capabilities import ColourMode, Source
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.escl_access import Access
from streams.clients.scanners.escl_driver import EsclDriver
from streams.clients.scanners.mdns import find_services
from streams.clients.scanners.scanner_driver import ScannerProblem
from tests.support.certificate import certificate
from tests.support.escl_server import LOGIN, EsclServer, Misbehaviour, running

SIZE_MM = (50.8, 76.2)
SETTINGS = CaptureSettings(Source.FLATBED, ColourMode.RGB, 8, 150, "jpeg", *SIZE_MM)
FEEDER = CaptureSettings(Source.FEEDER, ColourMode.GREYSCALE, 8, 75, "jpeg", *SIZE_MM)


@pytest.fixture
def device() -> Iterator[EsclServer]:
    with running(EsclServer(size=(600, 900))) as device:
        yield device


def scan(
    device: EsclServer,
    folder: Path,
    settings: CaptureSettings = SETTINGS,
    count: int = 1,
    pause: Callable[[float], None] = lambda _: None,
    silence: float = 5,
) -> list[Path]:
    """The pages of one start; a problem has the pages before it."""
    folder.mkdir(exist_ok=True)
    scanner = EsclDriver(silence, pause).open(device.address)
    scanner.prepare(settings)
    return [page.path for page in scanner.scan(settings, folder, count)]


def problem_of(
    device: EsclServer, folder: Path, settings: CaptureSettings = SETTINGS, **how
) -> str:
    with pytest.raises(ScannerProblem) as problem:
        scan(device, folder, settings, **how)
    return problem.value.code


def test_identifies_a_device(device: EsclServer):
    scanner = EsclDriver(5).open(device.address)

    assert (scanner.device.model, scanner.device.serial) == ("Sim Book Scanner 2", "SIM-0042")
    assert [one.source for one in scanner.capabilities().sources] == [Source.FLATBED, Source.FEEDER]
    assert scanner.capabilities().loaded is Source.FEEDER


@pytest.mark.parametrize("suffix", ["/", "/ScannerCapabilities", None])
def test_finds_the_root_of_a_device(device: EsclServer, suffix: str | None):
    address = device.address.removesuffix("/eSCL") if suffix is None else device.address + suffix

    assert EsclDriver(5).open(address).device.name == device.address


@pytest.mark.parametrize("location", ["absolute", "relative", "other-host"])
@pytest.mark.parametrize("media_type", ["image/jpeg", "image/tiff", "image/png"])
def test_scans_a_page(tmp_path: Path, location: str, media_type: str):
    settings = CaptureSettings(
        Source.FLATBED, ColourMode.RGB, 8, 150, media_type.partition("/")[2], *SIZE_MM
    )
    with running(EsclServer(formats=(media_type,), size=(600, 900), location=location)) as device:
        (path,) = scan(device, tmp_path / "pages", settings)

    image = pyvips.Image.new_from_file(str(path), fail_on="warning")
    assert (image.width, image.height, image.bands) == (300, 450, 3)
    assert round(image.xres * 25.4) == 150
    assert device.jobs == {}


def test_scans_what_is_in_the_feeder_and_says_when_it_is_empty(device: EsclServer, tmp_path: Path):
    assert problem_of(device, tmp_path / "pages", FEEDER, count=5) == "scanner.feeder-empty"
    assert len(list((tmp_path / "pages").iterdir())) == 3


def test_ends_a_job_after_the_pages_that_it_needs(device: EsclServer, tmp_path: Path):
    assert len(scan(device, tmp_path / "pages", FEEDER, count=2)) == 2
    assert device.requests[-1] == "DELETE DELETE"
    assert device.jobs == {}


@pytest.mark.parametrize(
    ("request_", "status", "feeder", "code"),
    [
        ("ScanJobs", 400, "", "scanner.value-refused"),
        ("ScanJobs", 401, "", "scanner.access-denied"),
        ("ScanJobs", 404, "", "scanner.io-failed"),
        ("ScanJobs", 409, "", "scanner.value-refused"),
        ("ScanJobs", 409, "ScannerAdfEmpty", "scanner.feeder-empty"),
        ("ScanJobs", 409, "ScannerAdfJam", "scanner.jammed"),
        ("ScanJobs", 409, "ScannerAdfHatchOpen", "scanner.cover-open"),
        ("ScanJobs", 500, "", "scanner.io-failed"),
        ("NextDocument", 404, "", "scanner.feeder-empty"),
        ("NextDocument", 404, "ScannerAdfJam", "scanner.jammed"),
        ("NextDocument", 409, "", "scanner.io-failed"),
        ("NextDocument", 410, "", "scanner.cancelled"),
        ("NextDocument", 500, "", "scanner.io-failed"),
        ("NextDocument", 500, "ScannerAdfJam", "scanner.jammed"),
    ],
)
def test_reports_why_a_scan_failed(
    device: EsclServer, tmp_path: Path, request_: str, status: int, feeder: str, code: str
):
    device.feeder = feeder
    device.misbehave[request_, 1] = Misbehaviour(status=status)

    assert problem_of(device, tmp_path / "pages", FEEDER) == code
    assert list((tmp_path / "pages").iterdir()) == []


@pytest.mark.parametrize("status", [404, 410])
def test_an_answer_without_a_page_after_the_first_is_the_end(
    device: EsclServer, tmp_path: Path, status: int
):
    device.misbehave["NextDocument", 3] = Misbehaviour(status=status)

    assert problem_of(device, tmp_path / "pages", FEEDER, count=3) == "scanner.feeder-empty"
    assert len(list((tmp_path / "pages").iterdir())) == 2


@pytest.mark.parametrize("request_", ["ScanJobs", "NextDocument"])
def test_waits_for_a_busy_device_as_long_as_it_says(
    device: EsclServer, tmp_path: Path, request_: str
):
    waited: list[float] = []
    device.misbehave[request_, 1] = Misbehaviour(status=503, headers={"Retry-After": "2"})
    device.misbehave[request_, 2] = Misbehaviour(status=503)

    pages = scan(device, tmp_path / "pages", pause=waited.append, silence=30)

    assert len(pages) == 1
    assert waited[0] == 2 and len(waited) == 2


@pytest.mark.parametrize("request_", ["ScanJobs", "NextDocument"])
def test_a_device_that_stays_busy_is_reported(device: EsclServer, tmp_path: Path, request_: str):
    for count in range(1, 20):
        device.misbehave[request_, count] = Misbehaviour(status=503)

    assert problem_of(device, tmp_path / "pages") == "scanner.busy"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("cut_after", [0, 1, 500])
def test_a_page_that_is_cut_off_is_incomplete(
    device: EsclServer, tmp_path: Path, cut_after: int, chunked: bool
):
    device.misbehave["NextDocument", 1] = Misbehaviour(cut_after=cut_after, chunked=chunked)

    assert problem_of(device, tmp_path / "pages") == "scanner.image-incomplete"


def test_a_slow_page_is_complete(device: EsclServer, tmp_path: Path):
    device.misbehave["NextDocument", 1] = Misbehaviour(slow=1.5)

    (path,) = scan(device, tmp_path / "pages", silence=1)

    assert pyvips.Image.new_from_file(str(path), fail_on="warning").avg() > 0


@pytest.mark.parametrize("request_", ["ScanJobs", "NextDocument"])
def test_a_silent_device_is_given_up(device: EsclServer, tmp_path: Path, request_: str):
    device.misbehave[request_, 1] = Misbehaviour(silence=3)
    began = time.monotonic()

    assert problem_of(device, tmp_path / "pages", silence=0.5) == "scanner.timed-out"
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "scanner.access-denied"), (500, "scanner.io-failed"), (503, "scanner.busy")],
)
def test_reports_why_a_device_does_not_say_what_it_can_do(
    device: EsclServer, tmp_path: Path, status: int, code: str
):
    for count in range(1, 20):
        device.misbehave["ScannerCapabilities", count] = Misbehaviour(status=status)

    assert problem_of(device, tmp_path / "pages") == code


def test_waits_for_a_device_that_wakes_up(device: EsclServer, tmp_path: Path):
    device.misbehave["ScannerCapabilities", 1] = Misbehaviour(status=503)

    assert len(scan(device, tmp_path / "pages")) == 1


def test_a_job_that_does_not_end_does_not_stop_the_station(
    device: EsclServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(escl_driver, "END_SECONDS", 0.2)
    device.misbehave["DELETE", 1] = Misbehaviour(silence=2)

    assert len(scan(device, tmp_path / "pages")) == 1


def test_follows_a_device_that_has_moved(device: EsclServer, tmp_path: Path):
    moved = {"Location": f"{device.address}/ScannerCapabilities"}
    device.misbehave["ScannerCapabilities", 1] = Misbehaviour(status=307, headers=moved)

    assert len(scan(device, tmp_path / "pages")) == 1


def test_refuses_a_value_that_the_device_does_not_offer(device: EsclServer, tmp_path: Path):
    settings = CaptureSettings(Source.FLATBED, ColourMode.RGB, 16, 1200, "tiff")

    assert problem_of(device, tmp_path / "pages", settings) == "scanner.value-refused"
    assert "POST ScanJobs" not in device.requests


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/eSCL", "http://scanner.invalid/eSCL", "http://[::1"]
)
def test_a_device_that_does_not_answer_is_not_found(address: str):
    with pytest.raises(ScannerProblem) as problem:
        EsclDriver(2).open(address)

    assert problem.value.code == "scanner.not-found"


def test_finds_a_device_that_announces_itself(device: EsclServer, monkeypatch: pytest.MonkeyPatch):
    port = int(device.address.rpartition(":")[2].partition("/")[0])
    announced = ServiceInfo(
        "_uscan._tcp.local.",
        "Sim Book Scanner 2._uscan._tcp.local.",
        addresses=[bytes((127, 0, 0, 1))],
        port=port,
        properties={"rs": "eSCL", "ty": "Sim Book Scanner 2"},
    )
    monkeypatch.setattr(escl_driver, "DISCOVERY_SECONDS", 1)
    zeroconf = Zeroconf()
    try:
        zeroconf.register_service(announced)
        assert device.address in find_services(1)
        assert "SIM-0042" in [one.serial for one in EsclDriver(5).devices()]
    finally:
        zeroconf.close()


LOGINS = ("basic", "digest", "digest-sha256")


@pytest.mark.parametrize("login", LOGINS)
def test_a_device_that_asks_for_a_login_gets_it(device: EsclServer, tmp_path: Path, login: str):
    device.login = login
    scanner = EsclDriver(5, access=Access(LOGIN)).open(device.address)

    (page,) = scanner.scan(SETTINGS, tmp_path, 1)

    assert page.path.stat().st_size > 0
    assert device.jobs == {}
    assert LOGIN not in str(scanner.device)


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("known", ["", "anna:wrong"])
def test_a_wrong_login_is_denied_at_once(device: EsclServer, login: str, known: str):
    device.login = login

    with pytest.raises(ScannerProblem) as problem:
        EsclDriver(5, access=Access(known)).open(device.address)

    assert problem.value.code == "scanner.access-denied"


def test_a_certificate_that_a_device_signed_itself_is_trusted_if_it_is_named(tmp_path: Path):
    files = certificate(tmp_path)
    with running(EsclServer(size=(600, 900), certificate=files)) as device:
        known = EsclDriver(5, access=Access(certificates=files[0])).open(device.address)

        assert [page.path.exists() for page in known.scan(SETTINGS, tmp_path, 1)] == [True]
        with pytest.raises(ScannerProblem) as problem:
            EsclDriver(5).open(device.address)

    assert problem.value.code == "scanner.not-found"
    assert "CERTIFICATE_VERIFY_FAILED" in problem.value.found


def test_another_certificate_is_not_trusted(tmp_path: Path):
    (tmp_path / "other").mkdir()
    files, other = certificate(tmp_path), certificate(tmp_path / "other")
    with (
        running(EsclServer(certificate=files)) as device,
        pytest.raises(ScannerProblem) as problem,
    ):
        EsclDriver(5, access=Access(certificates=other[0])).open(device.address)

    assert problem.value.code == "scanner.not-found"


def test_a_web_page_at_the_root_is_not_taken_for_the_device(device: EsclServer):
    device.has_web_page = True
    root = device.address.removesuffix("/eSCL")

    assert EsclDriver(5).open(root).device.name == device.address


def test_a_device_that_refers_to_another_machine_is_not_followed(device: EsclServer):
    elsewhere = {"Location": "http://192.0.2.1/eSCL/ScannerCapabilities"}
    device.misbehave = {("ScannerCapabilities", 1): Misbehaviour(302, elsewhere)}

    with pytest.raises(ScannerProblem) as problem:
        EsclDriver(5).open(device.address)

    assert problem.value.code == "scanner.answer-invalid" and "192.0.2.1" in problem.value.found


@pytest.mark.parametrize("end", [404, 410])
def test_a_feeder_ends_with_either_answer(device: EsclServer, tmp_path: Path, end: int):
    device.misbehave = {("NextDocument", 3): Misbehaviour(end)}

    with pytest.raises(ScannerProblem) as problem:
        scan(device, tmp_path, FEEDER, count=9)

    assert problem.value.code == "scanner.feeder-empty"


def test_an_empty_feeder_is_not_the_reason_of_a_failure_on_the_glass(
    device: EsclServer, tmp_path: Path
):
    device.feeder = "ScannerAdfEmpty"
    device.misbehave = {("NextDocument", 1): Misbehaviour(500)}

    assert problem_of(device, tmp_path) == "scanner.io-failed"


@pytest.mark.parametrize("status", [404, 410, 500])
def test_a_job_that_a_person_cancelled_at_the_device_is_reported_as_such(
    device: EsclServer, tmp_path: Path, status: int
):
    device.job_state = "Canceled JobCanceledByUser"
    device.misbehave = {("NextDocument", 1): Misbehaviour(status)}

    assert problem_of(device, tmp_path) == "scanner.cancelled"


def test_a_page_that_takes_a_minute_is_waited_for(device: EsclServer, tmp_path: Path):
    busy = Misbehaviour(503, {"Retry-After": "10"})
    device.misbehave = {("NextDocument", number): busy for number in range(1, 8)}
    waited: list[float] = []

    pages = scan(device, tmp_path, pause=waited.append, silence=120)

    assert len(pages) == 1 and sum(waited) == 70


@pytest.mark.parametrize("chunked", [True, False])
def test_answers_in_chunks_are_read(device: EsclServer, tmp_path: Path, chunked: bool):
    for name in ("ScannerCapabilities", "NextDocument"):
        device.misbehave[name, 1] = Misbehaviour(chunked=chunked, slow=0.2)

    (path,) = scan(device, tmp_path)

    assert pyvips.Image.new_from_file(str(path), fail_on="warning").width == 300
