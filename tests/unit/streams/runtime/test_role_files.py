"""What a role waits for, as its note file shows it to people."""

from pathlib import Path

from streams.runtime.role_files import WaitReasons, role_file, wait_reason
from tests.support.stores import settings_of


def test_each_subject_has_its_own_reason_and_an_empty_one_removes_it(tmp_path: Path):
    settings = settings_of(tmp_path)
    role_file(settings, "worker", "note").parent.mkdir(parents=True)
    reasons = WaitReasons(settings, "worker")

    reasons.set("disk", "waits for free space")
    reasons.set("breakers", "waits for text")
    both = wait_reason(settings, "worker")
    reasons.set("disk", "")
    one = wait_reason(settings, "worker")
    reasons.set("breakers", "")

    assert (both, one) == ("waits for free space; waits for text", "waits for text")
    assert wait_reason(settings, "worker") is None


def test_a_new_process_removes_the_reasons_of_its_predecessor(tmp_path: Path):
    settings = settings_of(tmp_path)
    role_file(settings, "worker", "note").parent.mkdir(parents=True)
    WaitReasons(settings, "worker").set("disk", "waits for free space")

    WaitReasons(settings, "worker")

    assert wait_reason(settings, "worker") is None
