"""A station scans without the modules and functions that only Unix has, as on Windows."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyvips

UNIX_ONLY = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")
LINE_ONLY = ("psycopg", "faust", "pyvips", "aiokafka")
FUNCTIONS = ("killpg", "getuid", "geteuid", "getgid", "O_DIRECTORY", "O_NOFOLLOW", "fork", "setsid")
PROGRAM = f"""
import fcntl as kept, os, pathlib, shutil, signal, subprocess, sys, tempfile, types

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {UNIX_ONLY + LINE_ONLY}:
            raise ModuleNotFoundError(name)

for name in {UNIX_ONLY}:
    sys.modules.pop(name, None)
for name in {FUNCTIONS}:
    delattr(os, name)
del signal.SIGKILL
sys.meta_path.insert(0, Blocked())
kinds = {{2: kept.LOCK_EX | kept.LOCK_NB, 0: kept.LOCK_UN}}
locking = lambda handle, mode, size: kept.flock(handle, kinds[mode])
flags = dict(LK_NBLCK=2, LK_UNLCK=0)
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, **flags)

from streams.cli.main import main
main()
"""


def without_unix(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        env={"COPYSTAND_HOME": str(home), "PATH": "/nowhere"},
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_pages_of_a_watched_folder_are_scanned_and_closed(tmp_path: Path):
    watched = tmp_path / "out"
    watched.mkdir()
    image = pyvips.Image.new_from_array(np.full((40, 30), 77, np.uint8))
    image.tiffsave(str(watched / "a.tif"), xres=12, yres=12)
    scan = ("station", "scan", "--profile", "as-delivered", "--batch-id", "b-1", "--no-prompt")

    scanned = without_unix(
        tmp_path / "home", *scan, "--device", watched, "--pages", "1", "--idle", "20", "--json"
    )
    closed = without_unix(tmp_path / "home", "station", "close", "b-1", "--json")

    assert scanned.returncode == 0, scanned.stderr
    assert json.loads(scanned.stdout)["state"] == "closed"
    assert closed.returncode == 0, closed.stderr
    assert json.loads(closed.stdout)["pages"] == 1


def test_devices_are_listed(tmp_path: Path):
    listed = without_unix(tmp_path / "home", "station", "devices", "--driver", "watch", "--json")

    assert (listed.returncode, json.loads(listed.stdout)) == (0, []), listed.stderr


def test_the_limits_of_traffic_are_shown(tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "traffic.toml").write_text("[link]\nrate_mbit = 8\n")

    shown = without_unix(home, "traffic", "show", "--json")

    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["traffic"]["rate_mbit"] == 8


def test_a_spool_is_worked_on(tmp_path: Path):
    worked = without_unix(tmp_path / "home", "station", "spool", "run")

    assert worked.returncode == 0, worked.stderr
