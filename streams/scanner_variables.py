"""The environment variables about scanners and capture orders."""

from pathlib import Path

from pydantic import BaseModel

from streams.settings_fields import variable


class ScannerVariables(BaseModel):
    """One field for each variable."""

    scan_timeout_seconds: float = variable(
        "COPYSTAND_SCAN_TIMEOUT",
        120,
        "A scan is stopped when the device sends nothing for this long.",
        read_by="station",
        unit="s",
        ge=1,
    )
    order_hours: float = variable(
        "COPYSTAND_ORDER_HOURS",
        72,
        "`copystand status` reports an order that no station has had for this long.",
        read_by="watchdog",
        unit="h",
        ge=0,
    )
    sane_config: Path | None = variable(
        "SANE_CONFIG_DIR",
        None,
        "Folder with the configuration of SANE, before that of the system. Its `dll.conf` names the"
        " backends that `copystand station devices` asks.",
        read_by="station",
        default_text="`/etc/sane.d`",
    )
    scanner_login: str = variable(
        "COPYSTAND_SCANNER_LOGIN",
        "",
        "User and password of network scanners that ask for them, as `user:password`. It is not"
        " recorded anywhere. Over `http` a device can ask for it in a form that others in the"
        " network can read.",
        read_by="station",
        secret=True,
    )
    scanner_certificates: Path | None = variable(
        "COPYSTAND_SCANNER_CERTIFICATES",
        None,
        "PEM file with the certificates of network scanners, for `https` with certificates that"
        " devices signed themselves. Only these are trusted then, whatever name they contain.",
        read_by="station",
        default_text="those of the system",
    )
