"""A role that is asked to stop ends within its grace period, whatever it waits for."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

NEVER_FINISHED = """
    import time
    from streams.runtime import lifecycle, logs
    from streams.settings import Settings

    lifecycle.GRACE_SECONDS = 0.5
    logs.set_up_log()
    stop = lifecycle.shutdown_signal(Settings.load(), "worker")
    print("working", flush=True)
    while True:
        time.sleep(0.1)
"""


def test_a_role_that_cannot_finish_ends_after_the_grace_period_and_logs_it(tmp_path: Path):
    role = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(NEVER_FINISHED)],
        env={**os.environ, "COPYSTAND_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert role.stdout is not None and role.stdout.readline() == "working\n"

    role.send_signal(signal.SIGTERM)

    _, logged = role.communicate(timeout=20)
    assert role.returncode == 0
    assert "grace period exceeded" in logged
