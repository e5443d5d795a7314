"""Derives the states of pages, items, batches and packages from sets of rows, never by counting."""

from streams.tracker.batch_corrections import supersede_corrected
from streams.tracker.unit_of_work import UnitOfWork


def derive(unit: UnitOfWork) -> None:
    """Derive the states of all affected subjects: first pages, then items, then both together."""
    # A page whose retry waits in the outbox has no place in the window.
    unit.flush()
    affected = unit.affected
    pages, items = sorted(affected.pages), sorted(affected.items)
    all_pages_of = sorted(affected.all_pages_of)
    if items:
        unit.run("lock_items", items=items)
        unit.run("supersede_item_records", items=items)
    if pages or all_pages_of:
        unit.run("supersede_page_records", pages=pages, all_pages_of=all_pages_of)
        unit.run("derive_pages", pages=pages, all_pages_of=all_pages_of)
    changed = unit.run("derive_items", items=items) if items else []
    all_pages_of = sorted({*all_pages_of, *(item_id for item_id, _ in changed)})
    if pages or all_pages_of:
        unit.run("derive_page_states", pages=pages, all_pages_of=all_pages_of)
    if items or affected.packages:
        packages = sorted(affected.packages)
        unit.run("derive_package_states", packages=packages, items=items)
        unit.run("supersede_package_records", packages=packages, items=items)
    affected.batches |= {batch_id for _, batch_id in changed}
    if affected.batches:
        supersede_corrected(unit, affected.batches)
        unit.run("derive_batches", batches=sorted(affected.batches))
    # Items and batches stay affected: completion and settlement examine them later.
    affected.pages, affected.all_pages_of, affected.packages = set(), set(), set()
