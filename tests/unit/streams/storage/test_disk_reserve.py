"""Work waits for disk space and does not fail."""

from streams.storage.disk_reserve import DiskReserve


def test_work_waits_for_space_reports_it_and_continues_when_there_is_some():
    free, reports = [50, 50, 50, 500], list[str]()
    disk = DiskReserve(lambda: free[0], 100, reports.append, pause=lambda _: free.pop(0) and None)

    disk.wait(10, still_wanted=lambda: True)

    assert len(reports) == 2
    assert "50 bytes free" in reports[0]
    assert reports[1] == ""


def test_space_that_is_no_longer_wanted_is_not_waited_for():
    disk = DiskReserve(lambda: 0, 100, pause=lambda _: None)

    disk.wait(10, still_wanted=lambda: False)

    assert not disk.has(10)


def test_a_store_of_unlimited_size_always_has_space():
    assert DiskReserve(lambda: None, 100).has(10**15)
