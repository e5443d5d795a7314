"""The environment variables about scanners."""

from pathlib import Path

from pydantic_settings import BaseSettings

from streams.settings_fields import variable


class ScannerVariables(BaseSettings):
    """One field for each variable."""

    scan_timeout_seconds: float = variable(
        "COPYSTAND_SCAN_TIMEOUT",
        120,
        "A scan is stopped when the device sends nothing for this long.",
        read_by="station",
        unit="s",
        ge=1,
    )
    sane_config: Path | None = variable(
        "SANE_CONFIG_DIR",
        None,
        "Folder with the configuration of SANE, before that of the system. Its `dll.conf` names the"
        " backends that `copystand station devices` asks.",
        read_by="station",
        default_text="`/etc/sane.d`",
    )
