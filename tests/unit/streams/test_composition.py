"""Each role receives its adapters, and loads only the libraries that it needs."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HEAVY = {"faust", "pebble", "psycopg", "pyvips"}
ROUTER = """
    from streams.router import role

    role.run_router = lambda settings, driver: report(driver)
"""
WORKER = """
    from streams.worker.role import Worker

    Worker.run = lambda worker, settings: report(worker)
"""


def composed(home: Path, role: str, replaced: str) -> tuple[str, set[str]]:
    """Run a role with its main loop replaced: what it received, and the modules it has loaded."""
    program = """
        import sys
        from streams.composition import run_role
        from streams.settings import Settings

        def report(received):
            print(type(received).__name__, *sys.modules)
    """
    program = textwrap.dedent(program) + textwrap.dedent(replaced)
    program += f"\nrun_role({role!r}, Settings.load())\n"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "COPYSTAND_HOME": str(home), "KAFKA_BROKERS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    received, *modules = ended.stdout.split()
    return received, set(modules)


@pytest.mark.parametrize(
    ("role", "replaced", "receives", "loads"),
    [("router", ROUTER, "Driver", {"faust"}), ("worker", WORKER, "Worker", {"pebble"})],
)
def test_a_role_receives_its_adapters_and_loads_only_what_it_needs(
    tmp_path: Path, role: str, replaced: str, receives: str, loads: set[str]
):
    received, modules = composed(tmp_path, role, replaced)

    assert received == receives
    assert modules & HEAVY == loads


def test_an_unknown_role_is_an_error_and_the_composition_loads_no_role():
    program = """
        import sys
        from streams.composition import run_role

        try:
            run_role("janitor", None)
        except KeyError:
            print(*sys.modules)
    """

    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )

    assert "streams.composition" in ended.stdout.split()
    assert HEAVY & set(ended.stdout.split()) == set()
