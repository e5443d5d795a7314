"""The table of checks of a manifest."""

from collections.abc import Callable, Iterator

from processors.rules import consistency, counts, duplicates, names
from processors.rules.manifest_view import View
from schemas.models import Diagnostic

Check = Callable[[View], Iterator[Diagnostic]]

CHECKS: tuple[Check, ...] = (
    counts.digest_agrees,
    counts.file_count_agrees,
    counts.within_limits,
    counts.sequences_have_no_gaps,
    duplicates.item_ids_differ,
    duplicates.pages_differ,
    duplicates.paths_differ,
    duplicates.page_files_differ,
    duplicates.files_match_kinds,
    consistency.rights_agree,
    consistency.spreads_have_two_labels,
    consistency.no_item_is_part_of_itself,
    consistency.vendor_checksums_agree,
    consistency.main_schema_present,
    names.profile_usable,
    names.institution_rules_hold,
    names.languages_known,
    names.records_present,
)
"""A new check needs a function here and a code in processors/errors."""


def findings(view: View) -> Iterator[Diagnostic]:
    """The findings of all checks, in the order of the table."""
    for check in CHECKS:
        yield from check(view)
