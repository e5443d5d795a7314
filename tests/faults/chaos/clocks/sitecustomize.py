"""Gives a role another clock: Python loads this first in every process of a line under test.

While a file COPYSTAND_HOME/run/clock.<role> stands there, the clocks of that role and of its
children are as many seconds off as it says: they jump when it comes, and back when it goes. What
waits goes by the monotonic clock, which stays. (libfaketime was tried: time.sleep then raises
EINVAL, and librdkafka's timed waits never end.)"""

import copyreg
import datetime
import os
import sys
import time

ROLE = "CHAOS_ROLE"
LOOK_EVERY_SECONDS = 0.1
words = sys.orig_argv
if os.environ.get("CHAOS_CLOCKS") and "streams.cli" in words and words[-2:-1] == ["run"]:
    # Its children find it there.
    os.environ[ROLE] = words[-1]


_plain = datetime.datetime


def _restored(*values):  # type: ignore[no-untyped-def]
    """A plain datetime that came out of a pickle."""
    return _plain(*values)


def _skewed(role: str) -> None:
    marker = os.path.join(os.environ.get("COPYSTAND_HOME", "/"), "run", f"clock.{role}")
    right, right_ns, plain = time.time, time.time_ns, _plain
    known = {"at": 0.0, "seconds": 0.0}

    def offset() -> float:
        if time.monotonic() - known["at"] > LOOK_EVERY_SECONDS:
            try:
                with open(marker) as file:
                    seconds = float(file.read() or 0)
            except OSError:
                seconds = 0.0
            known.update(at=time.monotonic(), seconds=seconds)
        return known["seconds"]

    class _AsPlain(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, plain)

    class Skewed(plain, metaclass=_AsPlain):  # type: ignore[misc, valid-type]
        """datetime, but for what the time is now; its instances are plain ones."""

        __slots__ = ()

        def __new__(cls, *values, **named):  # type: ignore[no-untyped-def]
            return plain(*values, **named)

        @classmethod
        def now(cls, tz=None):  # type: ignore[no-untyped-def]
            return plain.now(tz) + datetime.timedelta(seconds=offset())

    time.time = lambda: right() + offset()
    time.time_ns = lambda: right_ns() + int(offset() * 1e9)
    datetime.datetime = Skewed  # type: ignore[misc]
    # Plain ones go to children; pickle would look for their class under its name.
    copyreg.pickle(plain, lambda one: (_restored, one.__reduce_ex__(2)[1]))


if os.environ.get(ROLE):
    _skewed(os.environ[ROLE])
