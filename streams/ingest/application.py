"""The HTTP application of `ingest`: tus 1.0, and two requests about what is stored
(docs/contract.md §9)."""

import asyncio
import errno
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from processors.outcome import StorageError
from processors.route import SHA256
from streams.ingest.chunk_requests import append_chunk, drain
from streams.ingest.finishing import Finishing
from streams.ingest.in_thread import in_thread
from streams.ingest.method_override import MethodOverride
from streams.ingest.open_uploads import OpenUpload
from streams.ingest.problems import Problem
from streams.ingest.upload_admission import Admission
from streams.ingest.upload_headers import (
    ALGORITHMS,
    VERSION,
    number,
    require_version,
    stated_sha256,
)
from streams.traffic.traffic import Traffic

log = logging.getLogger(__name__)

EXTENSIONS = "creation,checksum,termination,expiration"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
Handler = Callable[[Request], Awaitable[Response]]


@dataclass
class Ingest:
    """The parts of the application, and its figures since the start."""

    admission: Admission
    finishing: Finishing
    traffic: Traffic
    keep_seconds: float
    """How long an upload without change remains."""
    figures: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, by: int = 1) -> None:
        """Add to a figure."""
        self.figures[name] = self.figures.get(name, 0) + by


def application(ingest: Ingest) -> MethodOverride:
    """The application that answers the requests of stations."""
    one, creation = UploadRequests(ingest), ["OPTIONS", "POST"]
    routes = [
        Route("/uploads", _answered(ingest, one.collection), methods=creation),
        Route("/uploads/", _answered(ingest, one.collection), methods=creation),
        Route(
            "/uploads/{upload_id}",
            _answered(ingest, one.upload),
            methods=["HEAD", "PATCH", "DELETE", "OPTIONS"],
        ),
        Route("/stored/{sha256}", _answered(ingest, one.stored), methods=["HEAD", "GET"]),
        Route("/manifests/{sha256}", _answered(ingest, one.manifest), methods=["PUT"]),
        Route("/health/live", one.live),
        Route("/health/ready", one.ready),
        Route("/health", one.ready),
    ]
    return MethodOverride(Starlette(routes=routes))


def _answered(ingest: Ingest, handler: Handler) -> Handler:
    """A handler whose problems are answers; what is left of the body is read before."""

    async def answer(request: Request) -> Response:
        try:
            response = await handler(request)
        except ClientDisconnect:
            ingest.count("cut")
            return Response(status_code=400)
        except (Problem, StorageError, OSError, sqlite3.Error) as failed:
            problem = failed if isinstance(failed, Problem) else _away(ingest, failed)
            ingest.count("refused")
            where = {"code": problem.code, "path": request.url.path, "found": str(problem)[:500]}
            log.info("request refused", extra=where)
            await drain(request)
            response = JSONResponse(
                problem.document, status_code=problem.status, headers=problem.headers
            )
        response.headers["Tus-Resumable"] = VERSION
        response.headers["Cache-Control"] = "no-store"
        return response

    return answer


def _away(ingest: Ingest, error: Exception) -> Problem:
    log.warning("the store or the disk failed", extra={"error": str(error)[:500]})
    folder = ingest.finishing.uploads.folder
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return Problem("disk.no-space", f"{folder}: {error.strerror}", disk=folder)
    return Problem("store.not-reachable", type(error).__name__)


class UploadRequests:
    """One method for each kind of address."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest, self._admission = ingest, ingest.admission
        self._uploads, self._stored = ingest.finishing.uploads, ingest.finishing.stored
        self._creating = asyncio.Lock()

    async def collection(self, request: Request) -> Response:
        """OPTIONS and POST of /uploads."""
        if request.method == "OPTIONS":
            return self._options()
        sender = self._admission.sender(request.headers)
        require_version(request.headers)
        if "upload-defer-length" in request.headers:
            raise Problem("upload.request-wrong", "Upload-Defer-Length is not supported")
        size = number(request.headers, "Upload-Length")
        digest = stated_sha256(request.headers)
        metadata = request.headers["upload-metadata"]
        # One at a time: each counts what the others have reserved.
        async with self._creating:
            self._admission.require_creation(sender, size)
            upload = await in_thread(self._uploads.create, sender, digest, size, metadata)
        self._ingest.count("created")
        if size == 0:
            await in_thread(self._ingest.finishing.finish, upload)
        location = {"Location": f"/uploads/{upload.id}"}
        return Response(status_code=201, headers=location | self._expires(upload.touched_at))

    def _options(self) -> Response:
        supported = {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
            "Tus-Max-Size": str(self._admission.most_bytes),
        }
        return Response(status_code=204, headers=supported)

    def _expires(self, since: float) -> dict[str, str]:
        return {"Upload-Expires": formatdate(since + self._ingest.keep_seconds, usegmt=True)}

    async def upload(self, request: Request) -> Response:
        """HEAD, PATCH and DELETE of one upload."""
        if request.method == "OPTIONS":
            return self._options()
        sender = self._admission.sender(request.headers)
        require_version(request.headers)
        name = request.path_params["upload_id"]
        if request.method == "HEAD":
            return self._head(name, sender)
        upload = self._uploads.find(name, sender)
        if request.method == "DELETE":
            return self._delete(upload, name, sender)
        if upload is None:
            offset = self._head(name, sender).headers["Upload-Offset"]
            where = {"Upload-Offset": offset}
            raise Problem("upload.offset-wrong", "The upload is complete", where)
        before = upload.offset
        parts = (self._ingest.finishing, self._admission, self._ingest.traffic)
        end = await append_chunk(*parts, upload, request)
        self._ingest.count("bytes", end - before)
        self._ingest.count("finished", int(end == upload.size_bytes))
        position = {"Upload-Offset": str(end)}
        return Response(status_code=204, headers=position | self._expires(upload.touched_at))

    def _head(self, name: str, sender: str) -> Response:
        """The state of an upload, finished or not. Raises Problem if there is none."""
        upload = self._uploads.find(name, sender)
        if upload is not None:
            found = (upload.offset, upload.size_bytes, upload.metadata, upload.touched_at)
        else:
            done = self._stored.finished(name, sender)
            if done is None:
                raise Problem("upload.unknown", f"{sender} has no upload {name[:40]}")
            found = (done.size_bytes, done.size_bytes, done.metadata, done.finished_at)
        offset, size, metadata, since = found
        headers = {
            "Upload-Offset": str(offset),
            "Upload-Length": str(size),
            "Upload-Metadata": metadata,
        }
        return Response(status_code=200, headers=headers | self._expires(since))

    def _delete(self, upload: OpenUpload | None, name: str, sender: str) -> Response:
        if upload is None:
            self._head(name, sender)
        elif upload.is_written:
            raise Problem("upload.in-use", "Another request writes to this upload")
        else:
            self._uploads.remove(upload)
            self._ingest.count("ended")
        return Response(status_code=204)

    async def stored(self, request: Request) -> Response:
        """Whether the sender has uploaded a file."""
        sender, digest = self._admission.sender(request.headers), _digest(request)
        if self._stored.size(sender, digest) is None:
            raise Problem("upload.unknown", f"{sender} has not uploaded {digest}")
        return Response(status_code=204)

    async def manifest(self, request: Request) -> Response:
        """Make the upload record of a manifest."""
        sender, digest = self._admission.sender(request.headers), _digest(request)
        await in_thread(self._ingest.finishing.prove, sender, digest)
        self._ingest.count("records")
        return Response(status_code=204)

    async def live(self, request: Request) -> Response:
        """Answers while the process does."""
        del request
        return JSONResponse({"ok": True})

    async def ready(self, request: Request) -> Response:
        """Whether uploads are accepted, and the figures since the start."""
        del request
        shortage = self._admission.shortage()
        document = {
            "ok": shortage is None,
            "faults": {"space": shortage} if shortage else {},
            "open": len(self._uploads),
            "reserved_bytes": self._uploads.reserved_bytes(),
            **self._ingest.figures,
        }
        return JSONResponse(document, status_code=503 if shortage else 200)


def _digest(request: Request) -> str:
    digest = str(request.path_params["sha256"])
    if not SHA256.match(digest):
        raise Problem("upload.request-wrong", f"{digest[:100]!r} is not 64 hex digits")
    return digest
