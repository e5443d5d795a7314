"""Runs a server as another user who reaches one folder below a private home, and nothing else."""

import functools
import subprocess
from collections.abc import Sequence
from pathlib import Path

# In a mount namespace of its own, an empty folder covers the highest folder that others cannot
# enter, and the folder of the server is put back at its path below. /mnt holds it meanwhile.
_COVER = """
mount --bind "$2" /mnt
mount -t tmpfs -o mode=0755,size=64k tmpfs "$1"
(umask 022; mkdir -p "$2")
mount --bind /mnt "$2"
umount /mnt
grep '^/dev/loop' /proc/self/mounts | while read -r _ at _; do
    case "$2/" in "$at"/*) ;; *) umount -l "$at" || : ;; esac
done
shift 2
exec "$@"
"""
# Unmounting elsewhere on the machine must reach the namespace, or a disk would stay in use. Where
# mounts are not shared it does not, so at least the images in files are unmounted here.
_NAMESPACE = ("unshare", "--mount", "--propagation", "slave", "--", "sh", "-ec", _COVER, "sh")
_NO_CAPABILITIES = ("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all")
_MAY_ENTER = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
PROBE_SECONDS = 10


def as_user(user: str, folder: Path) -> list[str]:
    """The start of a command that root runs as this user, who can enter the folder.

    It has no capabilities. Only where the machine refuses a mount namespace to root, as some
    container engines do, it has the one to pass folders that are closed to it."""
    identity = (f"--reuid={user}", f"--regid={user}", "--init-groups")
    dies_with_parent = ("--pdeathsig", "KILL", "--")
    namespace = (*_NAMESPACE, str(_closed_folder(folder)), str(folder))
    if not _works(namespace):
        return ["setpriv", *identity, *_MAY_ENTER, *dies_with_parent]
    rights = (*_NO_CAPABILITIES, "--no-new-privs")
    return [*namespace, "setpriv", *identity, *rights, *dies_with_parent]


def _closed_folder(folder: Path) -> Path:
    """The highest folder above this one that others cannot enter, else the one that holds it."""
    closed = [one for one in folder.parents if not one.stat().st_mode & 0o001]
    return closed[-1] if closed else folder.parent


@functools.cache
def _works(namespace: Sequence[str]) -> bool:
    try:
        done = subprocess.run(
            [*namespace, "true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
