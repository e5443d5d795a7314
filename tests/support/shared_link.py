"""A link of limited rate that all its connections share, each way; toxiproxy limits each connection
for itself."""

import asyncio
import threading
import time
from contextlib import suppress

FRAME_BYTES = 32 << 10
SLACK_SECONDS = 0.005
"""Sleeping takes longer than asked for; so much is made up for."""


class _Way:
    """One direction: frames pass one after the other, those of all connections in turn."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate, self._free_at = bytes_per_second, 0.0
        self._turn = asyncio.Lock()
        self.passed = 0

    async def carry(self, size: int) -> None:
        async with self._turn:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - SLACK_SECONDS) + size / self._rate
            self.passed += size
            if self._free_at > now:
                await asyncio.sleep(self._free_at - now)


class SharedLink:
    """Carries connections from a port to another one on loopback, in a thread."""

    def __init__(self, upstream: int, mbit: float) -> None:
        """Begins at once; `port` is where clients connect."""
        self._upstream, self._rate = upstream, mbit * 125_000
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._started.wait()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._out, self._in = _Way(self._rate), _Way(self._rate)
        serve = asyncio.start_server(self._serve, "127.0.0.1", 0, limit=FRAME_BYTES)
        server = self._loop.run_until_complete(serve)
        self.port: int = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        # Each cut connection would be reported.
        self._loop.set_exception_handler(lambda *_: None)
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        server.close()
        self._loop.close()

    def passed(self) -> tuple[int, int]:
        """Bytes in and out so far, as the clients see it."""
        return self._in.passed, self._out.passed

    def stop(self) -> None:
        """End it, and cut its connections."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            far, forth = await asyncio.open_connection(
                "127.0.0.1", self._upstream, limit=FRAME_BYTES
            )
        except OSError:
            back.close()
            return
        await asyncio.gather(_copy(near, forth, self._out), _copy(far, back, self._in))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, way: _Way) -> None:
    target.transport.set_write_buffer_limits(FRAME_BYTES)
    with suppress(OSError):
        while data := await source.read(FRAME_BYTES):
            await way.carry(len(data))
            target.write(data)
            await target.drain()
    target.close()
