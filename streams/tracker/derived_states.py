"""From rows to states: every state is worked out anew from sets, never counted up or down."""

from streams.tracker.unit_of_work import UnitOfWork


def derive(unit: UnitOfWork) -> None:
    """Bring the states of all touched subjects up to date: pages, items, then both together."""
    unit.flush()  # a page whose work waits in the outbox is not at work
    touched = unit.affected
    pages, items, whole = sorted(touched.pages), sorted(touched.items), sorted(touched.whole)
    if items:
        unit.run("lock_items", items=items)
        unit.run("supersede_items", items=items)
    if pages or whole:
        unit.run("supersede", pages=pages, whole=whole)
        unit.run("derive_pages", pages=pages, whole=whole)
    changed = unit.run("derive_items", items=items) if items else []
    whole = sorted({*whole, *(item_id for item_id, _ in changed)})
    if pages or whole:
        unit.run("page_states", pages=pages, whole=whole)
    if items or touched.packages:
        unit.run("package_states", packages=sorted(touched.packages), items=items)
        unit.run("supersede_refusals", packages=sorted(touched.packages), items=items)
    touched.batches |= {batch_id for _, batch_id in changed}
    if touched.batches:
        unit.run("derive_batches", batches=sorted(touched.batches))
    # What is derived stays derived; items and batches are looked at again when they complete.
    touched.pages, touched.whole, touched.packages = set(), set(), set()
