"""One hostile or broken input, and the codes with which the line may answer each kind."""

from dataclasses import dataclass

PROCESSED = "processed"
"""The input turned out sound enough, and was worked on to its end."""

DAMAGED = frozenset(
    {
        *("page.not-decodable", "page.format-not-supported", "page.structure-irregular"),
        *("page.image-ambiguous", "page.decoding-not-supported"),
    }
)
REFUSED = DAMAGED | {"page.too-large"}
SET_ASIDE = frozenset({"message.undecodable"})

ALLOWED: dict[str, frozenset[str]] = {
    # Of images: what acquire_page and the branches may say.
    "image that is too large": REFUSED,
    "image bomb": REFUSED | {PROCESSED},
    "directory bomb": REFUSED,
    "metadata bomb": REFUSED | {PROCESSED},
    "mutation": REFUSED | {PROCESSED},
    "no image": frozenset({"page.format-not-supported", "page.not-decodable"}),
    # Of XML: what pre-flight says of records, and recognize_page of texts.
    "hostile record": frozenset(
        {"record.not-well-formed", "record.schema-mismatch", "record.too-large"}
    ),
    "odd record": frozenset(
        {
            *("record.not-well-formed", "record.schema-mismatch", "record.too-large"),
            *("record.schema-invalid", "record.mets-invalid", "record.empty"),
            *("record.without-title", "record.version-not-judged", PROCESSED),
        }
    ),
    "hostile text": frozenset({"page.text-not-alto", "page.text-not-readable"}),
    "odd text": frozenset({"page.text-not-alto", "page.text-not-readable", PROCESSED}),
    # Of manifests: `manifest.faulty` where there are several faults.
    "manifest": frozenset({"manifest.faulty"}),
    "manifest document": frozenset(
        {
            *("manifest.empty", "manifest.not-utf8", "manifest.not-json", "manifest.key-duplicate"),
            *("manifest.text-broken", "manifest.faulty"),
        }
    ),
    # Of messages.
    "message that is no fact": SET_ASIDE,
    "message of another record": SET_ASIDE,
    "message with odd texts": SET_ASIDE
    | {
        *("batch.id-malformed", "submission.event-id-wrong", "submission.manifest-missing"),
        *("submission.manifest-not-in-store", "person.not-a-pseudonym", "capture.subject-missing"),
        *("receipt.reason-missing", "receipt.package-malformed", "package.refused", PROCESSED),
    },
}
"""For each kind of input the fitting answers."""


@dataclass(frozen=True)
class Hostile:
    """One input: what it is, what is sent under which name."""

    kind: str
    name: str
    """Unique; says what is wrong."""
    content: bytes
    file: str = ""
    """The file's name as delivered; empty where it is no file."""
    more: frozenset[str] = frozenset()
    """Codes that fit this one, beside those of its kind."""

    @property
    def fitting(self) -> frozenset[str]:
        """The codes with which it may be answered."""
        return ALLOWED[self.kind] | self.more
