"""Network scanners that need no driver: a client of eSCL, the protocol of AirScan."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from streams.clients.scanners.capabilities import (
    Capabilities,
    Device,
    Source,
    SourceCapabilities,
    joined,
)
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.escl_access import OPEN, Access
from streams.clients.scanners.escl_capabilities import EsclCapabilities, read_capabilities
from streams.clients.scanners.escl_documents import EsclStatus, read_status, scan_settings
from streams.clients.scanners.escl_http import (
    Answer,
    EsclConnection,
    base_of,
    is_host_alone,
    patiently,
)
from streams.clients.scanners.icc_embedding import embed_icc
from streams.clients.scanners.mdns import find_services
from streams.clients.scanners.scanner_driver import ScannedPage, ScannerProblem

DISCOVERY_SECONDS = 3.0
ROOTS = ("", "eSCL/", "escl/")
"""Where devices answer, below the address that a person gave. A web page may be at the first one,
so the second one is asked first if the address names a host alone."""
REFUSALS = {
    400: "scanner.value-refused",
    401: "scanner.access-denied",
    403: "scanner.access-denied",
    405: "scanner.unsupported",
    409: "scanner.value-refused",
    415: "scanner.value-refused",
    501: "scanner.unsupported",
    503: "scanner.busy",
}
"""Code of each status that refuses a job; another one is a failure of the device."""
NO_PAGE = {401: "scanner.access-denied", 403: "scanner.access-denied", 410: "scanner.cancelled"}
NO_PAGE |= {503: "scanner.busy"}
"""Code of each answer instead of the first page; another one is a failure of the device."""
NO_MORE_PAGES = (404, 410)
NOT_FOUND = 404
BUSY_SECONDS = 20.0
"""How long to wait for a busy device; a session tries several times."""
END_SECONDS = 5.0
"""Limit for the request that ends a job."""


class EsclDriver:
    """Finds and opens network scanners."""

    name = "escl"

    def __init__(
        self,
        silence_seconds: float,
        pause: Callable[[float], None] = time.sleep,
        access: Access = OPEN,
    ) -> None:
        self._silence, self._pause, self._access = silence_seconds, pause, access

    def devices(self) -> list[Device]:
        """The devices that announce themselves in the network. Raises ScannerProblem."""
        found = []
        for address in find_services(DISCOVERY_SECONDS):
            with suppress(ScannerProblem):
                found.append(self.open(address).device)
        return found

    def open(self, name: str) -> "EsclScanner":
        """The device at an address such as http://host/eSCL. Raises ScannerProblem."""
        base = base_of(name)
        refused: list[ScannerProblem] = []
        for root in sorted(ROOTS, key=lambda one: is_host_alone(base) and one != "eSCL/"):
            connection = EsclConnection(base + root, self._silence, self._access)
            answer = self._asked(connection)
            found = f"{connection.url('ScannerCapabilities')}: HTTP {answer.status}"
            if answer.status in NO_PAGE or answer.status >= 500:
                raise ScannerProblem(NO_PAGE.get(answer.status, "scanner.io-failed"), found)
            if answer.status != 200:
                refused.append(ScannerProblem("scanner.not-found", found))
                continue
            try:
                stated = read_capabilities(answer.body, connection.base.rstrip("/"))
            except ScannerProblem as other:
                refused.append(other)
                continue
            return EsclScanner(connection, stated, self._pause)
        # A document that is wrong says more than a place where nothing is.
        wrong = [one for one in refused if one.code != "scanner.not-found"]
        if wrong:
            raise wrong[0]
        raise ScannerProblem("scanner.not-found", "; ".join(one.found for one in refused))

    def _asked(self, connection: EsclConnection) -> Answer:
        def ask() -> Answer:
            return connection.request("GET", "ScannerCapabilities")

        try:
            return patiently(ask, min(BUSY_SECONDS, self._silence), self._pause)
        except ScannerProblem as problem:
            if problem.code == "scanner.answer-invalid":
                raise
            raise ScannerProblem("scanner.not-found", problem.found) from problem


class EsclScanner:
    """One network scanner."""

    def __init__(
        self, connection: EsclConnection, stated: EsclCapabilities, pause: Callable[[float], None]
    ) -> None:
        self.device = stated.device
        self._connection, self._stated, self._pause = connection, stated, pause

    def capabilities(self) -> Capabilities:
        """What it states of itself, and whether its feeder has paper."""
        loaded = Source.FEEDER if self._status().is_feeder_loaded else None
        return Capabilities(self._stated.capabilities.sources, loaded)

    def prepare(self, settings: CaptureSettings) -> dict[str, Any]:
        """Check each value against what the device states; eSCL confirms nothing before a scan, so
        the header of each page is the confirmation. Raises ScannerProblem."""
        groups = [one for one in self._stated.capabilities.sources if one.source is settings.source]
        if not groups:
            raise ScannerProblem("scanner.value-refused", f"source {settings.source}")
        refused = [list(_refused(one, settings)) for one in groups]
        if all(refused):
            # The group that comes nearest says most.
            nearest = sorted(refused, key=len)[0]
            raise ScannerProblem("scanner.value-refused", "; ".join(nearest))
        return {}

    def resume(self, known: list[dict[str, Any]]) -> None:
        """Nothing: each start gives new pages."""

    def sidecars(self) -> list[tuple[str | None, Path]]:
        """None."""
        return []

    def scan(self, settings: CaptureSettings, folder: Path, count: int) -> Iterator[ScannedPage]:
        """The pages of one job: up to `count` from a feeder, else one."""
        job = self._started(settings)
        limit, scanned, ended = count if settings.source.is_feeder else 1, 0, False
        try:
            while scanned < limit:
                path = folder / f"load-{scanned + 1:04d}"
                answer = self._next(job, path, scanned, settings)
                if answer is None:
                    ended = True
                    break
                scanned += 1
                if settings.icc_profile is not None:
                    embed_icc(path, settings.icc_profile.read_bytes())
                yield ScannedPage(path, {"content_type": answer.content_type})
        finally:
            if not ended:
                # It ends the job, or does nothing if the device has already ended it.
                with suppress(ScannerProblem):
                    self._connection.request("DELETE", job, seconds=END_SECONDS)
        if scanned < limit:
            self._explain_end(settings, scanned)

    def _started(self, settings: CaptureSettings) -> str:
        """The address of a new job. Raises ScannerProblem."""
        stated = self._stated
        document = scan_settings(
            settings, stated.version, stated.intents, with_extension=stated.knows_extension
        )
        answer = self._patiently(lambda: self._connection.request("POST", "ScanJobs", document))
        if answer.status in (200, 201, 202) and answer.location:
            path = self._connection.url(answer.location)
            return path.rstrip("/")
        if answer.status in (200, 201, 202):
            raise ScannerProblem("scanner.answer-invalid", "the new scan job has no Location")
        # 409 is also what a device answers whose feeder is empty, jammed or open.
        status = self._status()
        code = status.code if settings.source.is_feeder else None
        code = code or REFUSALS.get(answer.status, "scanner.io-failed")
        raise ScannerProblem(code, f"ScanJobs: HTTP {answer.status}{_state(status)}")

    def _next(self, job: str, path: Path, scanned: int, settings: CaptureSettings) -> Answer | None:
        """Write the next page of a job to a file; None if there are no more."""
        address = f"{job}/NextDocument"
        # A device answers 503 for as long as it scans, which may take minutes.
        limit = self._connection.silence_seconds
        ask = lambda: self._connection.fetch(address, path)  # noqa: E731
        answer = patiently(ask, limit, self._pause)
        if answer.status == 200:
            return answer
        status = self._status()
        # An empty feeder says nothing about a page on the glass.
        of_feeder = status.code if settings.source.is_feeder else None
        # The first page is missing for a reason; after it, these answers mean the end.
        if answer.status in NO_MORE_PAGES and scanned:
            return None
        if status.is_cancelled(job):
            raise ScannerProblem("scanner.cancelled", f"{job}: cancelled at the device")
        if answer.status == NOT_FOUND and of_feeder is None:
            return None
        code = of_feeder or NO_PAGE.get(answer.status, "scanner.io-failed")
        raise ScannerProblem(code, f"page {scanned + 1}: HTTP {answer.status}{_state(status)}")

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        limit = min(BUSY_SECONDS, self._connection.silence_seconds)
        return patiently(ask, limit, self._pause)

    def _explain_end(self, settings: CaptureSettings, scanned: int) -> None:
        """Raises the problem that ended a job before all its pages."""
        if settings.source.is_feeder and scanned:
            raise ScannerProblem("scanner.feeder-empty", f"the job ended after page {scanned}")
        if scanned == 0:
            found = f"the job ended without a page{_state(self._status())}"
            code = "scanner.feeder-empty" if settings.source.is_feeder else "scanner.no-image"
            raise ScannerProblem(code, found)

    def _status(self) -> EsclStatus:
        """The state of the device; empty if it does not say."""
        try:
            answer = self._connection.request("GET", "ScannerStatus")
            return read_status(answer.body) if answer.status == 200 else EsclStatus()
        except ScannerProblem:
            return EsclStatus()


def _refused(offered: SourceCapabilities, settings: CaptureSettings) -> Iterator[str]:
    """The values that a group of settings does not have."""
    dpi, mode = settings.resolution_dpi, (settings.mode, settings.bits_per_sample)
    if not offered.resolutions_dpi.accepts(dpi):
        yield f"resolution {dpi:g}; the device offers {offered.resolutions_dpi}"
    if mode not in offered.modes:
        modes = joined(f"{one} {bits} bit" for one, bits in offered.modes)
        yield f"colour {mode[0]} {mode[1]} bit; the device offers {modes}"
    if settings.format not in offered.formats:
        yield f"format {settings.format}; the device offers {joined(offered.formats)}"


def _state(status: EsclStatus) -> str:
    parts = [one for one in (status.state, status.feeder, *status.reasons) if one]
    return f" ({', '.join(parts)})" if parts else ""
