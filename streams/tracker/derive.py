"""From rows to states: every state is worked out anew from sets, never counted up or down."""

from streams.tracker.turn import Turn


def derive(turn: Turn) -> None:
    """Bring the states of all touched subjects up to date: pages, items, then both together."""
    turn.flush()  # a page whose work waits in the outbox is not at work
    touched = turn.touched
    pages, items, whole = sorted(touched.pages), sorted(touched.items), sorted(touched.whole)
    if items:
        turn.run("lock_items", items=items)
        turn.run("supersede_items", items=items)
    if pages or whole:
        turn.run("supersede", pages=pages, whole=whole)
        turn.run("derive_pages", pages=pages, whole=whole)
    changed = turn.run("derive_items", items=items) if items else []
    whole = sorted({*whole, *(item_id for item_id, _ in changed)})
    if pages or whole:
        turn.run("page_states", pages=pages, whole=whole)
    if items or touched.packages:
        turn.run("package_states", packages=sorted(touched.packages), items=items)
        turn.run("supersede_refusals", packages=sorted(touched.packages), items=items)
    touched.batches |= {batch_id for _, batch_id in changed}
    if touched.batches:
        turn.run("derive_batches", batches=sorted(touched.batches))
    # What is derived stays derived; items and batches are looked at again when they complete.
    touched.pages, touched.whole, touched.packages = set(), set(), set()
