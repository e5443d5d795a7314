"""An eSCL scanner on loopback, which can misbehave at a chosen request."""

import base64
import hashlib
import ssl
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pyvips
from lxml import etree

LOGIN = "anna:s3:cret"
SCAN = "http://schemas.hp.com/imaging/escl/2011/05/03"
PWG = "http://www.pwg.org/schemas/2010/12/sm"
PROFILE = """<scan:SettingProfile>
<scan:ColorModes><scan:ColorMode>BlackAndWhite1</scan:ColorMode><scan:ColorMode>Grayscale8</scan:ColorMode>
<scan:ColorMode>RGB24</scan:ColorMode></scan:ColorModes>
<scan:DocumentFormats>{formats}</scan:DocumentFormats>
<scan:SupportedResolutions><scan:DiscreteResolutions>{resolutions}</scan:DiscreteResolutions>
</scan:SupportedResolutions></scan:SettingProfile>"""
CAPABILITIES = f"""<?xml version="1.0" encoding="UTF-8"?>
<scan:ScannerCapabilities xmlns:scan="{SCAN}" xmlns:pwg="{PWG}">
<pwg:Version>2.63</pwg:Version><pwg:MakeAndModel>Sim Book Scanner 2</pwg:MakeAndModel>
<pwg:SerialNumber>SIM-0042</pwg:SerialNumber><scan:UUID>7c2b7f2a-0000-1000-8000-0123456789ab</scan:UUID>
{{sources}}</scan:ScannerCapabilities>"""
INPUT = """<scan:{name}><scan:MinWidth>16</scan:MinWidth><scan:MaxWidth>{width}</scan:MaxWidth>
<scan:MinHeight>16</scan:MinHeight><scan:MaxHeight>{height}</scan:MaxHeight>
<scan:MaxScanRegions>1</scan:MaxScanRegions>
<scan:SettingProfiles>{profile}</scan:SettingProfiles></scan:{name}>"""
STATUS = f"""<?xml version="1.0"?><scan:ScannerStatus xmlns:scan="{SCAN}" xmlns:pwg="{PWG}">
<pwg:Version>2.63</pwg:Version><pwg:State>Idle</pwg:State>
<scan:AdfState>{{feeder}}</scan:AdfState></scan:ScannerStatus>"""


@dataclass
class Misbehaviour:
    """What happens to one request instead of the usual answer."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Bytes of the body after which the connection is closed."""
    chunked: bool = False
    silence: float = 0
    """Seconds without a byte, before the answer."""
    slow: float = 0
    """Seconds in which the body is sent, in pieces."""


@dataclass
class EsclServer:
    """The simulated device: what it offers, and what it was asked."""

    formats: tuple[str, ...] = ("image/jpeg", "application/pdf")
    resolutions: tuple[int, ...] = (75, 150, 300)
    size: tuple[int, int] = (2550, 3300)
    """Maximum area in 1/300 inch."""
    feeder_pages: int = 3
    feeder: str = "ScannerAdfLoaded"
    location: str = "absolute"
    """How it names a job: absolute, relative, or with a host that does not exist."""
    capabilities: str | None = None
    delivered_dpi: int | None = None
    """Another resolution than it is asked for."""
    misbehave: dict[tuple[str, int], Misbehaviour] = field(default_factory=dict)
    """By the last part of the path and the number of the request for it, from 1."""
    requests: list[str] = field(default_factory=list)
    settings: list[dict[str, str]] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    address: str = ""
    login: str = ""
    """What it asks for with each request: `basic`, `digest` or `digest-sha256`; `user:secret`."""
    certificate: tuple[Path, Path] | None = None
    """Files of the certificate and its key, for https."""
    job_state: str = ""
    """State of each job in its status, with a reason, such as `Canceled JobCanceledByUser`."""
    has_web_page: bool = False
    """Whether it answers with a page for people wherever nothing else is."""

    def document(self) -> str:
        """Its capabilities."""
        if self.capabilities is not None:
            return self.capabilities
        formats = "".join(f"<pwg:DocumentFormat>{one}</pwg:DocumentFormat>" for one in self.formats)
        resolutions = "".join(
            "<scan:DiscreteResolution>"
            f"<scan:XResolution>{one}</scan:XResolution><scan:YResolution>{one}</scan:YResolution>"
            "</scan:DiscreteResolution>"
            for one in self.resolutions
        )
        profile = PROFILE.format(formats=formats, resolutions=resolutions)
        sizes = {"width": self.size[0], "height": self.size[1], "profile": profile}
        platen = INPUT.format(name="PlatenInputCaps", **sizes)
        adf = INPUT.format(name="AdfSimplexInputCaps", **sizes)
        sources = f"<scan:Platen>{platen}</scan:Platen><scan:Adf>{adf}</scan:Adf>"
        return CAPABILITIES.format(sources=sources)

    def image(self, settings: dict[str, str]) -> tuple[bytes, str]:
        """A page of the asked size, and its media type."""
        dpi = self.delivered_dpi or int(settings["XResolution"])
        width, height = (
            int(settings.get(name, usual)) * dpi // 300
            for name, usual in (("Width", self.size[0]), ("Height", self.size[1]))
        )
        bands = 3 if settings["ColorMode"].startswith("RGB") else 1
        page = pyvips.Image.black(width, height, bands=bands) + 200
        space = "srgb" if bands == 3 else "b-w"
        page = page.cast("uchar").copy(interpretation=space, xres=dpi / 25.4, yres=dpi / 25.4)
        media_type = settings.get("DocumentFormatExt") or settings["DocumentFormat"]
        if media_type == "image/tiff":
            return page.tiffsave_buffer(xres=dpi / 25.4, yres=dpi / 25.4), media_type
        if media_type == "image/png":
            return page.pngsave_buffer(), media_type
        return page.jpegsave_buffer(), media_type


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    device: EsclServer

    def log_message(self, *_: object) -> None:
        """Nothing: the requests are in the list of the device."""

    def do_GET(self) -> None:
        """Capabilities, status or the next page."""
        if not self.path.startswith("/eSCL/"):
            if self.device.has_web_page:
                self._answer(200, b"<!DOCTYPE html><html><body>Welcome</body></html>", "text/html")
                return
            self._answer(404)
            return
        if self._refuses_the_login() or self._misbehaves():
            return
        name = self._name()
        if name == "ScannerCapabilities":
            self._answer(200, self.device.document().encode(), "text/xml")
        elif name == "ScannerStatus":
            self._answer(200, self._status().encode(), "text/xml")
        elif name == "NextDocument":
            self._next_document()
        else:
            self._answer(404)

    def do_POST(self) -> None:
        """A new job."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        settings = {
            etree.QName(one).localname: (one.text or "").strip()
            for one in etree.fromstring(body).iter()
        }
        if self._refuses_the_login():
            return
        self.device.settings.append(settings)
        if self._misbehaves():
            return
        feeder = settings["InputSource"] == "Feeder"
        number = str(len(self.device.jobs) + 1)
        left = self.device.feeder_pages if feeder else 1
        self.device.jobs[number] = {"left": left, "settings": settings}
        path = f"/eSCL/ScanJobs/{number}"
        names = {
            "absolute": self.device.address.removesuffix("/eSCL") + path,
            "relative": path,
            "other-host": f"http://scanner.invalid:8080{path}",
        }
        self._answer(201, headers={"Location": names[self.device.location]})

    def do_DELETE(self) -> None:
        """The end of a job."""
        if not self._refuses_the_login() and not self._misbehaves():
            known = self.device.jobs.pop(self.path.rstrip("/").rpartition("/")[2], None)
            self._answer(200 if known else 404)

    def _next_document(self) -> None:
        job = self.device.jobs.get(self.path.split("/")[-2])
        if job is None or job["left"] == 0:
            self._answer(404)
            return
        job["left"] -= 1
        if job["settings"]["InputSource"] == "Feeder":
            self.device.feeder_pages -= 1
        content, media_type = self.device.image(job["settings"])
        self._answer(200, content, media_type)

    def _status(self) -> str:
        text = STATUS.format(feeder=self.device.feeder)
        state, _, reason = self.device.job_state.partition(" ")
        if not state:
            return text
        jobs = "".join(
            f"<scan:JobInfo><pwg:JobUri>/eSCL/ScanJobs/{number}</pwg:JobUri>"
            f"<pwg:JobState>{state}</pwg:JobState><pwg:JobStateReasons><pwg:JobStateReason>{reason}"
            "</pwg:JobStateReason></pwg:JobStateReasons></scan:JobInfo>"
            for number in self.device.jobs
        )
        end = "</scan:ScannerStatus>"
        return text.replace(end, f"<scan:Jobs>{jobs}</scan:Jobs>{end}")

    def _refuses_the_login(self) -> bool:
        """Whether the device asks for a login that the request does not have."""
        kind = self.device.login
        if not kind or self._is_known(kind):
            return False
        algorithm = ", algorithm=SHA-256" if kind.endswith("sha256") else ""
        asked = {
            "basic": 'Basic realm="scanner"',
            "digest": f'Digest realm="scanner", nonce="n1", qop="auth,auth-int"{algorithm}',
        }[kind.removesuffix("-sha256")]
        self._answer(401, headers={"WWW-Authenticate": asked})
        return True

    def _is_known(self, kind: str) -> bool:
        sent = self.headers.get("Authorization", "")
        if kind == "basic":
            return sent == f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
        given = urllib.request.parse_keqv_list(
            urllib.request.parse_http_list(sent.removeprefix("Digest "))
        )
        if not given or given["uri"] != self.path:
            return False
        new = hashlib.sha256 if kind.endswith("sha256") else hashlib.md5
        digest = lambda *parts: new(":".join(parts).encode()).hexdigest()  # noqa: E731
        user, _, password = LOGIN.partition(":")
        secret = digest(user, "scanner", password)
        rest = (given["nonce"], given["nc"], given["cnonce"], given["qop"])
        expected = digest(secret, *rest, digest(self.command, self.path))
        return bool(given["username"] == user and given["response"] == expected)

    def _name(self) -> str:
        return self.path.rstrip("/").rpartition("/")[2]

    def _misbehaves(self) -> bool:
        name = self._name() if self.command != "DELETE" else "DELETE"
        self.device.requests.append(f"{self.command} {name}")
        count = sum(one == f"{self.command} {name}" for one in self.device.requests)
        fault = self.device.misbehave.get((name, count))
        self.fault = fault
        if fault is None:
            return False
        time.sleep(fault.silence)
        if fault.status is not None:
            self._answer(fault.status, headers=fault.headers)
            return True
        return False

    def _answer(
        self, status: int, body: bytes = b"", kind: str = "", headers: dict[str, str] | None = None
    ) -> None:
        fault = getattr(self, "fault", None) or Misbehaviour()
        self.send_response(status)
        for name, value in {**(headers or {}), **({"Content-Type": kind} if kind else {})}.items():
            self.send_header(name, value)
        if fault.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = body[: fault.cut_after] if fault.cut_after is not None else body
        pieces = [
            sent[at : at + 1 + len(sent) // 10] for at in range(0, len(sent), 1 + len(sent) // 10)
        ]
        for piece in pieces if fault.slow or fault.chunked else [sent]:
            time.sleep(fault.slow / max(1, len(pieces)))
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if fault.chunked else piece)
        if fault.cut_after is not None:
            self.close_connection = True
        elif fault.chunked:
            self.wfile.write(b"0\r\n\r\n")


@contextmanager
def running(device: EsclServer) -> Iterator[EsclServer]:
    """The device, at its address on loopback."""
    handler = type("Handler", (_Handler,), {"device": device})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    scheme = "http"
    if device.certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*device.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    device.address = f"{scheme}://127.0.0.1:{server.server_address[1]}/eSCL"
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield device
    finally:
        server.shutdown()
        server.server_close()
