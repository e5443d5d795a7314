"""Prints what roles wait for."""

from streams.console import err
from streams.runtime.role_files import wait_reason
from streams.settings import Settings


def print_waiting(settings: Settings) -> dict[str, str]:
    """What roles wait for, by role; a person may have to act."""
    # Imported here: it loads the table of steps.
    from streams.topology import BESIDE_THE_LINE, ROLES

    roles = (*ROLES, *BESIDE_THE_LINE)
    found = {role: reason for role in roles if (reason := wait_reason(settings, role))}
    for role, reason in found.items():
        err.print(f"{role} waits: {reason}", style="yellow", soft_wrap=True)
    return found
