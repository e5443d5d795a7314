"""Takes the chunk of a PATCH request: all that counts of it is on disk before the answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request

from infra.disk import Space
from streams.ingest.chunk_writer import ChunkWriter
from streams.ingest.finishing import Finishing
from streams.ingest.in_thread import in_thread
from streams.ingest.open_uploads import OpenUpload
from streams.ingest.problems import Problem
from streams.ingest.upload_admission import Admission
from streams.ingest.upload_headers import (
    Headers,
    number,
    require_chunk,
    stated_checksum,
)
from streams.traffic.link_buckets import TrafficClass
from streams.traffic.shared_state import Direction
from streams.traffic.traffic import Traffic

WRITE_BYTES = 1 << 20
IDLE_SECONDS = 60.0
"""A request without a byte for this long counts as cut, so that it does not keep the upload."""
DRAINED_BYTES = 16 << 20
DRAIN_SECONDS = 10.0


async def append_chunk(
    finishing: Finishing,
    admission: Admission,
    traffic: Traffic,
    upload: OpenUpload,
    request: Request,
) -> int:
    """Append the body of a request to an upload; the offset after it. With its last byte the file
    is in the store. Raises Problem, StorageError, OSError, ClientDisconnect."""
    headers = request.headers
    require_chunk(headers)
    offset, checksum = number(headers, "Upload-Offset"), stated_checksum(headers)
    if upload.is_written:
        raise Problem("upload.in-use", "Another request writes to this upload")
    if offset != upload.offset:
        found = f"Upload-Offset is {offset}, the upload has {upload.offset} bytes"
        raise Problem("upload.offset-wrong", found, {"Upload-Offset": str(upload.offset)})
    length = _length(headers, upload)
    admission.require_space(Space(length, 0))
    upload.is_written = True
    try:
        with ChunkWriter(finishing.uploads, upload, checksum) as writer:
            try:
                await _copy(request, writer, upload, traffic)
            except (ClientDisconnect, TimeoutError):
                if checksum is None:
                    await in_thread(writer.save)
                raise ClientDisconnect from None
            if not writer.is_right():
                found = f"The chunk does not have the {checksum and checksum.algorithm} stated"
                raise Problem("upload.chunk-wrong", found)
            # Asked again: the token may have been revoked while the chunk arrived.
            admission.sender(headers)
            await in_thread(_save_or_finish, finishing, writer, upload)
            return writer.end
    finally:
        upload.is_written = False


def _length(headers: Headers, upload: OpenUpload) -> int:
    """The length of the chunk as far as it is stated. Raises Problem if it passes the end."""
    length = number(headers, "Content-Length") if "content-length" in headers else 0
    if upload.offset + length > upload.size_bytes:
        left = upload.size_bytes - upload.offset
        raise Problem("upload.too-long", f"The chunk has {length} bytes, {left} are left")
    return length


def _save_or_finish(finishing: Finishing, writer: ChunkWriter, upload: OpenUpload) -> None:
    if writer.end == upload.size_bytes:
        writer.complete()
        finishing.finish(upload)
    else:
        writer.save()


async def _copy(
    request: Request, writer: ChunkWriter, upload: OpenUpload, traffic: Traffic
) -> None:
    """Write the body of a request. Raises Problem if it passes the end of the upload."""
    gathered = bytearray()
    left = upload.size_bytes - upload.offset
    try:
        async for part in _with_idle_limit(request.stream()):
            left -= len(part)
            if left < 0:
                raise Problem("upload.too-long", f"The chunk passes the end by {-left} bytes")
            gathered += part
            # What is not read stays at the sender: the connection holds little.
            await traffic.passes(TrafficClass.MASTERS, Direction.IN, len(part))
            if len(gathered) >= WRITE_BYTES:
                await _write(writer, gathered)
    except (ClientDisconnect, TimeoutError):
        await _write(writer, gathered)
        raise
    await _write(writer, gathered)


async def _write(writer: ChunkWriter, gathered: bytearray) -> None:
    part = bytes(gathered)
    gathered.clear()
    if part:
        await in_thread(writer.write, part)


async def _with_idle_limit(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The parts of a body. Raises TimeoutError when none arrives for a while."""
    while True:
        try:
            yield await asyncio.wait_for(anext(parts), IDLE_SECONDS)
        except StopAsyncIteration:
            return


async def drain(request: Request) -> None:
    """Read what is left of a body, up to a limit: a client that still sends would not see the
    answer."""
    with suppress(ClientDisconnect, TimeoutError, RuntimeError):
        async with asyncio.timeout(DRAIN_SECONDS):
            left = DRAINED_BYTES
            async for part in request.stream():
                left -= len(part)
                if left < 0:
                    return
