"""What Hypothesis draws: batches, and what goes wrong with them."""

from hypothesis import strategies as st

from processors.outcome import ErrorClass
from tests.core_machine.outcomes import Fate, Kind, Submission

STEPS_OF_PAGES = ("acquire_page", "recognize_page", "derive_page", "describe_page")
SHORT = (ErrorClass.TOOL_HUNG, ErrorClass.TOOL_CRASHED, ErrorClass.UNKNOWN)
"""Classes that are given up after three or four attempts."""

fates = st.builds(
    Fate,
    kind=st.sampled_from([Kind.REJECTED, *Kind]),
    attempts=st.integers(1, 4),
    error_class=st.sampled_from(SHORT),
    stubborn=st.booleans(),
)
seeds = st.integers(0, 2**16)


@st.composite
def submissions(draw: st.DrawFn, number: int) -> Submission:
    """A batch of one or two items with one to three pages, a few of which go wrong."""
    items = [
        (f"item-{number}-{place}", draw(st.integers(1, 3)))
        for place in range(draw(st.integers(1, 2)))
    ]
    pages = [f"{name}:{ref + 1:04}" for name, count in items for ref in range(count)]
    subjects = [(step, page) for page in pages for step in STEPS_OF_PAGES]
    subjects += [("assemble_package", name) for name, _ in items]
    subjects += [("validate_batch", f"b-{number}")]
    wrong = draw(st.lists(st.tuples(st.sampled_from(subjects), fates), max_size=3))
    required = draw(st.sampled_from([("recognize_page",), ("derive_page", "recognize_page")]))
    # The first page of an item is never missing: an item without pages is refused in pre-flight.
    missing = [
        page for page in pages if not page.endswith(":0001") and draw(st.integers(0, 5)) == 5
    ]
    return Submission(
        batch_id=f"b-{number}",
        items=tuple(items),
        required=required,
        optional=draw(st.sampled_from([(), ("describe_page",)])),
        priority=draw(st.sampled_from(["normal", "rush", "night"])),
        missing=frozenset(missing),
        captured=draw(st.booleans()),
        fates=tuple((step, about, fate) for (step, about), fate in wrong),
    )
