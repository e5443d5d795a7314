"""What roles wait for is printed and returned."""

from pathlib import Path

import pytest

from streams.cli.waiting_roles import print_waiting
from streams.runtime.role_files import WaitReasons
from streams.settings import Settings


def test_a_role_that_waits_is_named_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    settings = Settings.load({"COPYSTAND_HOME": str(tmp_path)})
    (tmp_path / "run" / "roles").mkdir(parents=True)
    WaitReasons(settings, "tracker")
    WaitReasons(settings, "sealer").set("log", "this home is older than its log")

    waits = print_waiting(settings)

    assert waits == {"sealer": "this home is older than its log"}
    assert capsys.readouterr().err == "sealer waits: this home is older than its log\n"
