"""Defects of the worker: what it tells, and when, and what lies in the store."""

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from processors import assemble_package
from processors.outcome import Done
from processors.package_v2 import writer
from processors.tools import Area
from schemas import ids
from schemas.models import FileRef, ItemRegistered, PackagePublished, Record, WorkQuarantined
from streams.execution import driver, facts
from streams.storage import local
from streams.storage.local import LocalStorage
from tests.faults.planted.planting import Patch, defect, wrapped
from tests.faults.planted.world import World


@defect("stand-alone receipt.untold")
def a_worker_acknowledges_before_the_broker_does(patch: Patch, world: World) -> None:
    patch.setattr("streams.kafka.producer.Acknowledgements.wait", lambda self: None)


@defect("stand-alone receipt.untold")
def a_worker_swallows_an_exception(patch: Patch, world: World) -> None:
    patch.setattr(driver, "end_process", lambda event, **fields: None)


@defect("spy file.not-durable")
def a_file_is_not_flushed_to_disk(patch: Patch, world: World) -> None:
    class OnlyFolders:
        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def fsync(self, handle: int) -> None:
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                os.fsync(handle)

    patch.setattr(local, "os", OnlyFolders())


@defect("spy name.not-durable")
def a_file_name_is_not_flushed_to_disk(patch: Patch, world: World) -> None:
    patch.setattr(local, "fsync_folder", lambda folder: None)


@defect("stand-alone log.sealing")
def an_event_id_leaves_out_its_work(patch: Patch, world: World) -> None:
    patch.setattr(ids, "fact_id", lambda of_work, record, index=0: ids.make_id(record, index))


@defect("stand-alone log.sealing")
def a_deferral_id_leaves_out_the_attempt(patch: Patch, world: World) -> None:
    patch.setattr(ids, "deferral_id", lambda of_work, attempt: ids.make_id(of_work, "deferred"))


@defect("stand-alone page.unended")
def a_decision_does_not_make_new_work(patch: Patch, world: World) -> None:
    patch.setattr(ids, "work_id", lambda event, step, decision=None: ids.make_id(event, step))


@defect("stand-alone page.unended")
def a_quarantine_record_is_lost(patch: Patch, world: World) -> None:
    _without(patch, lambda fact: isinstance(fact, WorkQuarantined))


@defect("stand-alone batch.registrations")
def an_item_registration_is_lost(patch: Patch, world: World) -> None:
    _without(patch, lambda fact: isinstance(fact, ItemRegistered) and fact.head.item_id == "o-fix")


def _without(patch: Patch, lost: Callable[[Any], bool]) -> None:
    def fewer(outgoing: Any, facts: Sequence[Record]) -> Any:
        return outgoing([fact for fact in facts if not lost(fact)])

    wrapped(patch, driver, "outgoing", fewer)


@defect("stand-alone submission.lost")
def a_submission_is_dropped_at_the_door(patch: Patch, world: World) -> None:
    patch.setattr("processors.route.receive_batch", lambda batch, tools: Done())


@defect("stand-alone poison.lost")
def poison_is_dropped(patch: Patch, world: World) -> None:
    patch.setattr(driver.Driver, "_quarantine", lambda self, message, step, why: [])


@defect("stand-alone receipt.none")
def a_receipt_is_not_kept(patch: Patch, world: World) -> None:
    patch.setattr(LocalStorage, "put_new", lambda self, key, value: True)


@defect("sql quarantine.unexplained")
def a_quarantine_record_has_no_diagnosis(patch: Patch, world: World) -> None:
    def silent(quarantined: Any, *args: Any) -> Any:
        return quarantined(*args).model_copy(update={"found": "", "fix": ""})

    wrapped(patch, facts.FactBuilder, "_quarantined", silent)


@defect("stand-alone page.unended")
def an_offset_is_committed_beyond_unfinished_work(patch: Patch, world: World) -> None:
    patch.setattr("streams.kafka.offset_tracker.OffsetTracker.safe_offset", lambda self: self._next)


@defect("stand-alone debris")
def half_written_files_are_never_swept(patch: Patch, world: World) -> None:
    patch.setattr(LocalStorage, "sweep", lambda self: 0)


@defect("stand-alone file.altered")
def a_fact_states_another_digest(patch: Patch, world: World) -> None:
    def other(keep: Any, *args: Any, use: str, **named: Any) -> FileRef:
        ref: FileRef = keep(*args, use=use, **named)
        return ref.model_copy(update={"sha256": "0" * 64}) if use == "text" else ref

    wrapped(patch, LocalStorage, "keep", other)


@defect("stand-alone file.missing")
def a_file_is_not_in_the_store(patch: Patch, world: World) -> None:
    def gone(keep: Any, *args: Any, area: Area, **named: Any) -> FileRef:
        ref: FileRef = keep(*args, area=area, **named)
        if area == Area.MASTERS:
            (world.home / ref.key).unlink()
        return ref

    wrapped(patch, LocalStorage, "keep", gone)


@defect("stand-alone fact.twice")
def a_package_is_published_twice(patch: Patch, world: World) -> None:
    def doubled(stamped: Any, teller: Any, of: Any, drafts: Sequence[Record]) -> Any:
        twice = [draft for draft in drafts if isinstance(draft, PackagePublished)]
        return stamped(teller, of, [*drafts, *twice])

    wrapped(patch, facts.FactBuilder, "_stamped", doubled)


@defect("stand-alone package.pages")
def a_page_is_in_no_package(patch: Patch, world: World) -> None:
    def shorter(read: Any, *args: Any) -> Any:
        item = read(*args)
        return replace(item, pages=item.pages[:-1])

    wrapped(patch, assemble_package, "read_item", shorter)


@defect("stand-alone package.completeness")
def a_package_does_not_say_that_it_is_incomplete(patch: Patch, world: World) -> None:
    def silent(info: Any, *args: Any) -> dict[str, str]:
        return {name: text for name, text in info(*args).items() if name != "Completeness"}

    wrapped(patch, writer, "bag_info", silent)
