"""A fatal error ends the process at once, with its event and fields in the log."""

import subprocess
import sys
import textwrap


def test_the_process_ends_at_once_with_the_event_and_its_fields_in_the_log():
    program = """
        from streams.runtime.fatal_errors import LOST_A_SERVER, end_process
        from streams.runtime.logs import set_up_log

        set_up_log()
        try:
            end_process("connection lost", code=LOST_A_SERVER, server="postgres")
        finally:
            print("acknowledged")
    """

    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (75, "")
    assert 'CRITICAL streams.runtime.fatal_errors connection lost {"server": "postgres"}' in (
        ended.stderr
    )
