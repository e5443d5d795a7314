"""The table of checks that every manifest meets."""

from collections.abc import Callable, Iterator

from processors.rules import counts, meaning, names, sameness
from processors.rules.view import View
from schemas.models import Diagnostic

Check = Callable[[View], Iterator[Diagnostic]]

CHECKS: tuple[Check, ...] = (
    counts.digest_agrees,
    counts.file_count_agrees,
    counts.within_limits,
    counts.sequences_run_on,
    sameness.item_ids_differ,
    sameness.pages_differ,
    sameness.paths_differ,
    sameness.pictures_differ,
    sameness.files_fit_kinds,
    meaning.rights_agree,
    meaning.spreads_have_two_labels,
    meaning.parts_have_another_whole,
    meaning.vendor_checksums_agree,
    meaning.main_form_is_there,
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
