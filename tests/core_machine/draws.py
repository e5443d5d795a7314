"""What Hypothesis draws: batches, and the failures of their work."""

from hypothesis import strategies as st

from processors.outcome import ErrorClass
from tests.core_machine.outcomes import DrawnOutcome, Kind, Submission

STEPS_OF_PAGES = ("acquire_page", "recognize_page", "derive_page", "describe_page")
FEW_ATTEMPTS = (ErrorClass.TOOL_HUNG, ErrorClass.TOOL_CRASHED, ErrorClass.UNKNOWN)
"""Error classes with three or four attempts."""

outcomes = st.builds(
    DrawnOutcome,
    kind=st.sampled_from([Kind.REJECTED, *Kind]),
    attempts=st.integers(1, 4),
    error_class=st.sampled_from(FEW_ATTEMPTS),
    stubborn=st.booleans(),
)
seeds = st.integers(0, 2**16)


@st.composite
def submissions(draw: st.DrawFn, number: int) -> Submission:
    """A batch of one or two items with one to three pages, some of which fail."""
    items = [
        (f"item-{number}-{place}", draw(st.integers(1, 3)))
        for place in range(draw(st.integers(1, 2)))
    ]
    pages = [f"{name}:{ref + 1:04}" for name, count in items for ref in range(count)]
    subjects = [(step, page) for page in pages for step in STEPS_OF_PAGES]
    subjects += [("assemble_package", name) for name, _ in items]
    subjects += [("validate_batch", f"b-{number}")]
    failing = draw(st.lists(st.tuples(st.sampled_from(subjects), outcomes), max_size=3))
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
        outcomes=tuple((step, about, outcome) for (step, about), outcome in failing),
    )
