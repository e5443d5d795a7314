"""Work waits for memory and does not fail."""

import threading
from pathlib import Path

import pyvips

from streams.worker.resource_limits import ImageSize, MemoryBudget, image_size
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


def test_a_task_larger_than_the_budget_runs_alone():
    budget = MemoryBudget(10)

    with budget.share(1000):
        pass
    with budget.share(5), budget.share(5):
        pass


def test_work_without_an_image_never_waits_for_memory():
    budget = MemoryBudget(10)

    with budget.share(1000), budget.share(0):
        pass


def test_the_decoded_size_comes_from_the_header(tmp_path: Path):
    tools = memory_tools(tmp_path)
    picture = pyvips.Image.black(300, 200, bands=3).cast("uchar").write_to_buffer(".png")

    page = an_admitted_page(tools, picture)

    assert image_size(page, tools.storage) == ImageSize(300 * 200, 300 * 200 * 3)


def test_a_file_with_an_unreadable_header_counts_as_zero(tmp_path: Path):
    tools = memory_tools(tmp_path)

    page = an_admitted_page(tools, b"II*\0 no more")

    assert image_size(page, tools.storage) == ImageSize(0, 0)
