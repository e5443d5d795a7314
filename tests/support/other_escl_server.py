"""A second eSCL scanner on loopback, which keeps the protocol in other ways than the first one.

Its documents have other prefixes, its bodies have no length, its sources differ, and each page has to
be waited for. What a request has to contain is checked as a strict device does."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from lxml import etree
from PIL import Image

SCAN = "http://schemas.hp.com/imaging/escl/2011/05/03"
PWG = "http://www.pwg.org/schemas/2010/12/sm"
UNITS_PER_INCH = 300
ROOT = "/services/scan-1/eSCL"
CAPABILITIES = f"""<?xml version="1.0" encoding="utf-8"?>
<!-- Other Works 900 -->
<ScannerCapabilities xmlns="{SCAN}" xmlns:q1="{PWG}" xmlns:xs="http://www.w3.org/2001/XMLSchema">
 <q1:Version>2.0</q1:Version>
 <q1:MakeAndModel>Other Works 900</q1:MakeAndModel>
 <UUID>urn:uuid:11111111-2222-3333-4444-555555555555</UUID>
 <Certifications><Certification><Name>none</Name><Version>9</Version></Certification></Certifications>
 <SettingProfiles>
  <SettingProfile name="glass"><ColorModes><ColorMode>RGB24</ColorMode><ColorMode>Grayscale8</ColorMode>
   </ColorModes><DocumentFormats><q1:DocumentFormat>application/pdf</q1:DocumentFormat>
   <q1:DocumentFormat>image/jpeg</q1:DocumentFormat></DocumentFormats>
   <SupportedResolutions><ResolutionRange>
    <XResolutionRange><Min>100</Min><Max>600</Max><Normal>300</Normal><Step>50</Step></XResolutionRange>
    <YResolutionRange><Min>100</Min><Max>600</Max><Normal>300</Normal><Step>50</Step></YResolutionRange>
   </ResolutionRange></SupportedResolutions></SettingProfile>
 </SettingProfiles>
 <Platen><PlatenInputCaps><MinWidth>1</MinWidth><MaxWidth>900</MaxWidth><MinHeight>1</MinHeight>
  <MaxHeight>1200</MaxHeight><SettingProfiles><SettingProfile ref="glass"/></SettingProfiles>
 </PlatenInputCaps></Platen>
 <Adf><AdfSimplexInputCaps><MaxWidth>800</MaxWidth><MaxHeight>1000</MaxHeight><SettingProfiles>
  <SettingProfile><ColorModes><ColorMode>Grayscale8</ColorMode></ColorModes>
   <DocumentFormats><q1:DocumentFormat>image/jpeg</q1:DocumentFormat></DocumentFormats>
   <SupportedResolutions><DiscreteResolutions>
    <DiscreteResolution><XResolution>100</XResolution><YResolution>100</YResolution></DiscreteResolution>
    <DiscreteResolution><XResolution>200</XResolution><YResolution>200</YResolution></DiscreteResolution>
   </DiscreteResolutions></SupportedResolutions></SettingProfile></SettingProfiles>
 </AdfSimplexInputCaps><FeederCapacity>50</FeederCapacity></Adf>
</ScannerCapabilities>"""
MODES = {"RGB24": "RGB", "Grayscale8": "L"}
LIMITS = {
    "Platen": (range(100, 601, 50), MODES, (900, 1200)),
    "Feeder": ((100, 200), {"Grayscale8": "L"}, (800, 1000)),
}
"""Resolutions, colours and largest area of each source."""


@dataclass
class OtherDevice:
    """The simulated device: how it answers, and what it was asked."""

    transfer: str = "chunked"
    """How bodies end: `chunked`, `closed` (by the end of the connection), or with a `length`."""
    location: str = "bare"
    """How it names a job: `absolute`, `path`, `bare` (relative to the request), or with a `slash`."""
    end: int = 404
    """What it answers when a job has no more pages."""
    busy: int = 2
    """How often it answers 503 before each page."""
    sheets: int = 3
    cut_page_after: int | None = None
    """Bytes of each page after which the connection ends, as if the page had ended."""
    requests: list[str] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    address: str = ""


class _Handler(BaseHTTPRequestHandler):
    device: OtherDevice

    def log_message(self, *_: object) -> None:
        """Nothing: the requests are in the list of the device."""

    def do_GET(self) -> None:
        """Capabilities, status or the next page."""
        name = self._name()
        if name == "ScannerCapabilities":
            self._answer(200, CAPABILITIES.encode(), "text/xml; charset=utf-8")
        elif name == "ScannerStatus":
            self._answer(200, self._status(), "application/xml")
        elif name == "NextDocument":
            self._next_document()
        else:
            self._answer(404)

    def do_POST(self) -> None:
        """A new job, if the settings are those of one source."""
        body = etree.fromstring(self.rfile.read(int(self.headers["Content-Length"])))
        name = self._name()
        asked = {etree.QName(one).localname: (one.text or "").strip() for one in body.iter()}
        if name != "ScanJobs" or not _is_possible(asked) or body[0].tag != f"{{{PWG}}}Version":
            self._answer(409)
            return
        is_feeder = asked["InputSource"] == "Feeder"
        if is_feeder and not self.device.sheets:
            self._answer(409)
            return
        job = f"{len(self.device.jobs) + 1:08x}-aaaa"
        left = self.device.sheets if is_feeder else 1
        self.device.jobs[job] = {"left": left, "asked": asked, "busy": self.device.busy, "done": 0}
        path = f"{ROOT}/ScanJobs/{job}"
        names = {
            "absolute": self.device.address.removesuffix(ROOT) + path,
            "path": path,
            "bare": f"ScanJobs/{job}",
            "slash": f"{path}/",
        }
        self._answer(201, headers={"location": names[self.device.location]})

    def do_DELETE(self) -> None:
        """The end of a job."""
        known = self.device.jobs.pop(self._name(), None)
        self._answer(200 if known else 404)

    def _next_document(self) -> None:
        job = self.device.jobs.get(self.path.split("/")[-2])
        if job is None or not job["left"]:
            self._answer(self.device.end)
        elif job["busy"]:
            job["busy"] -= 1
            self._answer(503, b"busy", "text/plain", {"Retry-After": "1"})
        else:
            job["left"], job["done"], job["busy"] = (
                job["left"] - 1,
                job["done"] + 1,
                self.device.busy,
            )
            if job["asked"]["InputSource"] == "Feeder":
                self.device.sheets -= 1
            content = _image(job["asked"])[: self.device.cut_page_after]
            self._answer(200, content, "Image/JPEG; charset=binary")

    def _status(self) -> bytes:
        jobs = "".join(
            f"<s:JobInfo><p:JobUri>{ROOT}/ScanJobs/{name}</p:JobUri><p:JobUuid>{name}</p:JobUuid>"
            f"<s:Age>3</s:Age><p:ImagesCompleted>{job['done']}</p:ImagesCompleted>"
            f"<p:JobState>{'Processing' if job['left'] else 'Completed'}</p:JobState>"
            "<p:JobStateReasons><p:JobStateReason>JobScanning</p:JobStateReason>"
            "</p:JobStateReasons></s:JobInfo>"
            for name, job in self.device.jobs.items()
        )
        feeder = "ScannerAdfLoaded" if self.device.sheets else "ScannerAdfEmpty"
        text = (
            f'<s:ScannerStatus xmlns:s="{SCAN}" xmlns:p="{PWG}"><p:Version>2.0</p:Version>'
            f"<p:State>Idle</p:State><s:AdfState>{feeder}</s:AdfState><s:Jobs>{jobs}</s:Jobs>"
            "</s:ScannerStatus>"
        )
        return text.encode()

    def _name(self) -> str:
        if not self.path.startswith(ROOT):
            return ""
        name = self.path.rstrip("/").rpartition("/")[2]
        self.device.requests.append(f"{self.command} {name}")
        return name

    def _answer(
        self, status: int, body: bytes = b"", kind: str = "", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        if self.device.transfer == "chunked":
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for start in range(0, len(body), 997):
                part = body[start : start + 997]
                self.wfile.write(b"%x;part=%d\r\n%b\r\n" % (len(part), start, part))
            self.wfile.write(b"0\r\nx-end: yes\r\n\r\n")
            return
        if self.device.transfer == "length":
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _is_possible(asked: dict[str, str]) -> bool:
    """Whether a source has all settings that are asked of it."""
    if asked.get("InputSource") not in LIMITS:
        return False
    resolutions, colours, (width, height) = LIMITS[asked["InputSource"]]
    return (
        int(asked["XResolution"]) in resolutions
        and asked["XResolution"] == asked["YResolution"]
        and asked["ColorMode"] in colours
        and asked["DocumentFormat"] == "image/jpeg"
        # A device of version 2.0 does not know the element.
        and "DocumentFormatExt" not in asked
        and int(asked.get("Width", width)) <= width
        and int(asked.get("Height", height)) <= height
    )


def _image(asked: dict[str, str]) -> bytes:
    """A page of the asked size."""
    dpi, (width, height) = int(asked["XResolution"]), LIMITS[asked["InputSource"]][2]
    size = [
        int(asked.get(name, most)) * dpi // UNITS_PER_INCH
        for name, most in (("Width", width), ("Height", height))
    ]
    content = io.BytesIO()
    page = Image.new(MODES[asked["ColorMode"]], (size[0], size[1]), 200)
    page.save(content, "JPEG", dpi=(dpi, dpi))
    return content.getvalue()


@contextmanager
def running_other(device: OtherDevice) -> Iterator[OtherDevice]:
    """The device, at its address on loopback."""
    version = "HTTP/1.1" if device.transfer == "chunked" else "HTTP/1.0"
    handler = type("Handler", (_Handler,), {"device": device, "protocol_version": version})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    device.address = f"http://127.0.0.1:{server.server_address[1]}{ROOT}"
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield device
    finally:
        server.shutdown()
        server.server_close()
