"""Work waits for memory and for space; it does not fail for want of them."""

import threading
from pathlib import Path

import pyvips

from streams.storage.disk_reserve import DiskReserve
from streams.worker.resource_limits import MemoryBudget, decoded_bytes
from tests.support.imaging_builders import an_admitted_page, memory_tools


def test_a_task_waits_until_its_bytes_fit():
    budget, order = MemoryBudget(100), list[str]()
    holding, release = threading.Event(), threading.Event()

    def first() -> None:
        with budget.share(70):
            holding.set()
            release.wait(5)
            order.append("first ends")

    def second() -> None:
        with budget.share(40):
            order.append("second begins")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    holding.wait(5)
    threads[1].start()
    release.set()
    for thread in threads:
        thread.join(5)

    assert order == ["first ends", "second begins"]


def test_a_task_larger_than_the_budget_goes_alone():
    budget = MemoryBudget(10)

    with budget.share(1000):
        pass
    with budget.share(5), budget.share(5):
        pass


def test_work_without_an_image_never_waits_for_memory():
    budget = MemoryBudget(10)

    with budget.share(1000), budget.share(0):
        pass


def test_work_waits_for_space_says_so_and_goes_on_when_there_is_some():
    free, notes = [50, 50, 50, 500], list[str]()
    room = DiskReserve(lambda: free[0], 100, notes.append, pause=lambda _: free.pop(0) and None)

    room.wait(10, go_on=lambda: True)

    assert len(notes) == 2 and "50 bytes free" in notes[0] and notes[1] == ""


def test_who_is_told_to_stop_waits_no_more():
    room = DiskReserve(lambda: 0, 100, pause=lambda _: None)

    room.wait(10, go_on=lambda: False)

    assert not room.has(10)


def test_a_store_without_an_end_has_always_room():
    assert DiskReserve(lambda: None, 100).has(10**15)


def test_the_decoded_size_comes_from_the_header(tmp_path: Path):
    tools = memory_tools(tmp_path)
    picture = pyvips.Image.black(300, 200, bands=3).cast("uchar").write_to_buffer(".png")

    page = an_admitted_page(tools, picture)

    assert decoded_bytes(page, tools.storage) == 300 * 200 * 3


def test_a_file_without_a_readable_header_counts_nothing(tmp_path: Path):
    tools = memory_tools(tmp_path)

    page = an_admitted_page(tools, b"II*\0 no more")

    assert decoded_bytes(page, tools.storage) == 0
