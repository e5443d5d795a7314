"""The catalogue of faults: which there are, which hide which, and the profiles that they name."""

from tests.support import fault_items, fault_pages, fault_records
from tests.support.planting import CATALOGUE, Fault, Site, Told

PARTS = (fault_items, fault_records, fault_pages)
"""Modules that enter faults in the catalogue."""
PROFILES = {
    "misspelt.toml": 'extends = "as-delivered"\nmissing_ic = "warn"\n',
    "ruleless.toml": 'extends = "as-delivered"\nrule_files = ["nowhere"]\n',
    "house.toml": 'extends = "as-delivered"\nrule_files = ["house"]\n',
    "rules/house.toml": '[[rule]]\ncode = "institution.label-long"\nfor = "page"\n'
    'field = "labels"\nmax_length = 30\nseverity = "warn"\nfix = "Shorten the label."\n',
}
"""The profiles and rule files that the faults name."""

DOCUMENT = tuple(name for name, one in CATALOGUE.items() if one.level == "document")
BELOW_BATCH = tuple(
    name for name, one in CATALOGUE.items() if one.level in ("item", "page", "structured")
)
OF_PROFILE = tuple(name for name in CATALOGUE if name.startswith("profile."))
MASKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Where no document can be read nothing else can be said of it.
    ("no manifest in the store", tuple(set(CATALOGUE) - {"no manifest in the store"})),
    *((name, tuple(set(CATALOGUE) - {name})) for name in DOCUMENT),
    # Without items there is nothing in them.
    ("no items", BELOW_BATCH),
    # A batch names one profile, and rules are known when it can be used.
    *((name, (*OF_PROFILE, "a label against the house rules")) for name in OF_PROFILE),
    # A field that is not there has no wrong value.
    ("no file count", ("too few files",)),
    # Whether the main form came cannot be said where it is not known.
    (
        "manifest.metadata-schema-unknown (batch.metadata_schema)",
        ("another form than named",),
    ),
)
"""Which fault hides which others; of two that hide each other the first in the table is told."""


def visible(planted: set[str]) -> list[str]:
    """The faults of a set that show, in the order of the catalogue."""
    left = set(planted)
    for masking, masked in MASKS:
        if masking in left:
            left -= set(masked) - {masking}
    return [name for name in CATALOGUE if name in left]


__all__ = ["CATALOGUE", "MASKS", "PROFILES", "Fault", "Site", "Told", "visible"]
