"""The table of checks that every manifest meets."""

from collections.abc import Callable, Iterator

from processors.rules import consistency, counts, duplicates, names
from processors.rules.manifest_view import View
from schemas.models import Diagnostic

Check = Callable[[View], Iterator[Diagnostic]]

CHECKS: tuple[Check, ...] = (
    counts.digest_agrees,
    counts.file_count_agrees,
    counts.within_limits,
    counts.sequences_run_on,
    duplicates.item_ids_differ,
    duplicates.pages_differ,
    duplicates.paths_differ,
    duplicates.pictures_differ,
    duplicates.files_fit_kinds,
    consistency.rights_agree,
    consistency.spreads_have_two_labels,
    consistency.parts_have_another_whole,
    consistency.vendor_checksums_agree,
    consistency.main_form_is_there,
    names.profile_usable,
    names.own_rules_hold,
    names.languages_known,
    names.records_present,
)
"""A new check is a function here and a code in codes.py."""


def findings(view: View) -> Iterator[Diagnostic]:
    """All that the checks find, in the order of the table."""
    for check in CHECKS:
        yield from check(view)
