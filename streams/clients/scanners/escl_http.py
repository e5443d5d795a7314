"""Requests to a network scanner: short ones in full, pages to a file, with limits on both."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from streams.clients.scanners.escl_access import OPEN, Access
from streams.clients.scanners.scanner_driver import ScannerProblem

MAX_DOCUMENT_BYTES = 4 * 1024**2
MAX_PAGE_BYTES = 4 * 1024**3
BLOCK_BYTES = 1024**2
NOT_YET = (202, 204, 503)
"""Answers of a device that is busy."""
MAX_REDIRECTS = 4
REDIRECTS = (301, 302, 303, 307, 308)
UNAUTHORISED = 401
CONNECT_SECONDS = 10
USUAL_WAIT_SECONDS = 2.0
MAX_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """What a device answered."""

    status: int
    body: bytes = b""
    location: str = ""
    retry_after: float | None = None
    content_type: str = ""


def base_of(address: str) -> str:
    """The address of a device as a URL that ends with a slash. Raises ScannerProblem."""
    text = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ScannerProblem(
            "scanner.not-found", f"{address} is not a URL such as http://host/eSCL"
        )
    path = re.sub(r"/(ScannerCapabilities|ScannerStatus|ScanJobs)?/*$", "", parts.path)
    return f"{parts.scheme}://{parts.netloc}{path}/"


def is_host_alone(base: str) -> bool:
    """Whether an address names no path on its host."""
    return urlsplit(base).path == "/"


class EsclConnection:
    """Requests to one device, each on a connection of its own."""

    def __init__(self, base: str, silence_seconds: float, access: Access = OPEN) -> None:
        """`base` ends with a slash."""
        self.base = base
        self.silence_seconds = silence_seconds
        self._access = access

    def url(self, path: str) -> str:
        """The URL of something on this device, whatever host its answers name.

        A device behind a proxy or with several addresses names one that may not be reachable."""
        parts, own = urlsplit(urljoin(self.base, path)), urlsplit(self.base)
        query = f"?{parts.query}" if parts.query else ""
        return f"{own.scheme}://{own.netloc}{parts.path}{query}"

    def request(
        self, method: str, path: str, body: bytes | None = None, seconds: float | None = None
    ) -> Answer:
        """The answer to a short request. Raises ScannerProblem if there is none in time."""
        with self._opened(method, path, body, seconds) as response:
            content = response.read(MAX_DOCUMENT_BYTES + 1)
            if len(content) > MAX_DOCUMENT_BYTES:
                found = f"{path}: more than {MAX_DOCUMENT_BYTES} bytes"
                raise ScannerProblem("scanner.answer-invalid", found)
            return _answer(response, content)

    def fetch(self, path: str, target: Path) -> Answer:
        """The answer to a request for a page, whose body is written to a file.

        Raises ScannerProblem if it is cut off."""
        with self._opened("GET", path, None) as response:
            if response.status != 200:
                return _answer(response, response.read(BLOCK_BYTES))
            _write_body(response, target, path)
            return _answer(response, b"")

    @contextmanager
    def _opened(
        self, method: str, path: str, body: bytes | None, seconds: float | None = None
    ) -> Iterator[HTTPResponse]:
        url, silence = self.url(path), seconds or self.silence_seconds
        try:
            login = ""
            for _ in range(MAX_REDIRECTS):
                connection = self._connection(urlsplit(url), silence)
                try:
                    response = _sent(connection, method, urlsplit(url), body, login)
                    moved = response.getheader("Location")
                    if response.status in REDIRECTS and moved:
                        url = self._moved(url, moved)
                        continue
                    if response.status == UNAUTHORISED and not login:
                        asked = response.headers.get_all("WWW-Authenticate") or []
                        login = self._access.answer(asked, method, path_of(urlsplit(url))) or ""
                        if login:
                            continue
                    yield response
                    return
                finally:
                    connection.close()
        except TimeoutError as slow:
            found = f"{url} sent nothing for {silence:g} s"
            raise ScannerProblem("scanner.timed-out", found) from slow
        except (HTTPException, OSError) as failed:
            found = f"{url}: {type(failed).__name__}: {failed}"
            raise ScannerProblem("scanner.io-failed", found) from failed
        raise ScannerProblem(
            "scanner.answer-invalid", f"{url}: more than {MAX_REDIRECTS} redirects"
        )

    def _moved(self, url: str, location: str) -> str:
        """Where a device has moved: another scheme, port or path of the same host."""
        moved = urlsplit(urljoin(url, location))
        if moved.scheme not in ("http", "https") or moved.hostname != urlsplit(url).hostname:
            found = f"{url}: the device refers to another one, {location}"
            raise ScannerProblem("scanner.answer-invalid", found)
        return moved.geturl()

    def _connection(self, parts: SplitResult, seconds: float) -> HTTPConnection:
        assert parts.hostname
        if parts.scheme == "http":
            return HTTPConnection(parts.hostname, parts.port, timeout=seconds)
        context = self._access.tls()
        return HTTPSConnection(parts.hostname, parts.port, timeout=seconds, context=context)


def path_of(parts: SplitResult) -> str:
    """The path and the query of a URL, as a request names them."""
    return f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"


def _write_body(response: HTTPResponse, target: Path, path: str) -> None:
    size = 0
    with target.open("wb") as file:
        try:
            while block := response.read(BLOCK_BYTES):
                size += len(block)
                if size > MAX_PAGE_BYTES:
                    found = f"{path}: more than {MAX_PAGE_BYTES} bytes"
                    raise ScannerProblem("scanner.answer-invalid", found)
                file.write(block)
        except (HTTPException, ConnectionError) as cut:
            found = f"the page was cut off after {size} bytes: {type(cut).__name__}"
            raise ScannerProblem("scanner.image-incomplete", found) from cut
    # http.client reports a short body only when it is read in one piece.
    if response.length:
        found = f"the page was cut off after {size} bytes, {response.length} are missing"
        raise ScannerProblem("scanner.image-incomplete", found)


def patiently(
    ask: Callable[[], Answer], limit_seconds: float, pause: Callable[[float], None]
) -> Answer:
    """The answer of a device, asked again while it is busy, until that takes too long."""
    waited, attempt = 0.0, 0
    while True:
        answer = ask()
        wait = wait_seconds(answer, attempt)
        busy = answer.status in NOT_YET and not answer.location
        if not busy or waited + wait > limit_seconds:
            return answer
        pause(wait)
        waited, attempt = waited + wait, attempt + 1


def wait_seconds(answer: Answer, attempt: int) -> float:
    """How long to wait before the next attempt: as the device says, within limits."""
    usual = USUAL_WAIT_SECONDS * 1.5**attempt
    wanted = answer.retry_after if answer.retry_after is not None else usual
    return min(max(wanted, 0.05), MAX_WAIT_SECONDS)


def _sent(
    connection: HTTPConnection, method: str, parts: SplitResult, body: bytes | None, login: str
) -> HTTPResponse:
    headers = {"User-Agent": "copystand", "Accept": "*/*", "Connection": "close"}
    if body is not None:
        headers["Content-Type"] = "text/xml; charset=utf-8"
    if login:
        headers["Authorization"] = login
    silence, connection.timeout = connection.timeout, CONNECT_SECONDS
    connection.connect()
    connection.sock.settimeout(silence)
    connection.request(method, path_of(parts), body, headers)
    return connection.getresponse()


def _answer(response: HTTPResponse, body: bytes) -> Answer:
    return Answer(
        response.status,
        body,
        response.getheader("Location") or response.getheader("Content-Location") or "",
        _retry_after(response.getheader("Retry-After")),
        response.getheader("Content-Type") or "",
    )


def _retry_after(value: str | None) -> float | None:
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None  # A date: the usual wait is as good for a scan.
