"""Writes docs/privacy.md: where personal data can be, for how long, and how it is deleted."""

from collections.abc import Iterable

from docs.privacy_fields import KINDS, Kind
from schemas.catalogue import RETENTION_MS, topic_of

DAY_MS = 24 * 3600 * 1000
FIELD = "Names of fields are in [topics](topics.md)."

TABLES = {
    "audit.event": "a view of `audit.events`",
    "audit.events": "the events: the fields above",
    "audit.event_agent": "a view of `audit.events`",
    "audit.event_object": "a view of `audit.events`",
    "audit.failure": "a view of `audit.events`",
    "audit.fixity_check": "a view of `audit.events`",
    "audit.foreign_rows": "rows that a superuser added, with their content",
    "audit.projector_position": "",
    "audit.time_ranges": "",
    "fixity.facts_made": "facts of fixity runs and repairs, as their bytes",
    "fixity.facts_read": "ids",
    "fixity.objects": "keys and digests; findings",
    "fixity.owners": "ids",
    "fixity.runs": "",
    "fixity.subjects_done": "ids",
    "line.active": "",
    "line.admission": "",
    "line.batch_status": "a view: operator, project",
    "line.batch_waits": "a view of numbers and times",
    "line.batches": "operator, project",
    "line.captures": "ids",
    "line.decided": "facts, during a rebuild",
    "line.facts": "every fact, as its bytes",
    "line.items": "title, identifiers, names of files",
    "line.offsets": "",
    "line.outbox": "messages until they are published",
    "line.packages": "ids",
    "line.page_branches": "ids",
    "line.pages": "names of files, labels",
    "line.quarantine": "findings; of a refused package the reference to the reason",
    "line.quiet_batches": "a view of ids",
    "line.receipts": "name of the repository, reference to the reason",
    "line.refused": "ids",
    "line.verdicts": "name of a corrected file",
    "people.numbers": "",
    "review.analyses": "suggestions until they are published",
    "review.decisions": "pseudonyms; labels that persons wrote",
    "review.items": "item.completed, as its bytes",
    "review.latest_runs": "ids",
    "review.models": "",
    "review.offsets": "",
    "review.reruns": "ids",
    "review.suggestion_states": "a view of review.suggestions and review.decisions",
    "review.suggestions": "what models suggest, with words of the text that led to it",
    "review.switches": "",
    "review.work": "ids",
    "line.earlier_versions": "title",
    "line.order_batches": "ids",
    "line.order_states": "a view of line.orders and ids",
    "line.orders": "identifiers of items, pseudonyms, the reference to the notes",
    "line.persons": "pseudonyms, and the senders that may name them",
    "people.person": "**names of persons**, by pseudonym; `copystand person forget` deletes one",
    "people.texts": "**free text of persons**, with its key and writer; `copystand text delete`"
    " deletes one and leaves its digest and the time",
}
"""What a table has of the kinds above."""

FOLDERS = {
    "kafka/": "the topics: facts and events. Kept for ever, but for the topics below",
    "audit/": "the sealed log, and in `anomalies/` the bytes of records that could not be sealed",
    "postgres/": "the tables below",
    "staging/": "delivered files and manifests, as delivered: a manifest has the fields of"
    " [manifest](manifest.md), such as rights and operator",
    "masters/": "delivered images with all that is embedded in them",
    "derivatives/": "reading images, texts, and documents with embedded metadata",
    "packages/": "packages: masters, names, descriptions, events, pseudonyms of operators",
    "receipts/": "facts and events again, as published; in `records/` page lists, item records and"
    " the bytes of messages that were quarantined",
    "spool/": "answers of a repository and records of a station that were not sent yet; what was"
    " sent is overwritten. Folders, names of files, findings and operators of deliveries; captures",
    "log/": "logs of the services: ids, names of files, findings, paths, and in errors of the"
    " system the name of the machine. No reason, no name of a person",
    "run/": "passwords and keys, names of senders",
    "senders/": "public keys and names of senders",
    "logins/": "names of senders",
    "uploads/": "parts of files that stations upload, with the metadata of the request; names of"
    " senders with the digests of what they uploaded",
    "profiles/": "what the institution writes there",
    "cache/": "files at work, emptied; copies of objects in a bucket, also in "
    "`COPYSTAND_STORE_CACHE_FOLDER`, until others take their place",
    "ballast/": "nothing",
}
"""What a folder of a home has."""


EMBEDDED = (
    (
        "artist, creator, copyright",
        "master; `embedded` and `embedded-dc` in the store; METS of the package",
    ),
    ("owner of the camera, comments, GPS, all other tags", "master; `embedded` in the store"),
    ("maker, model, serial number of the device", "the same; `page.described`; MIX in METS"),
    ("software, time of capture", "the same; PREMIS of the package"),
)
"""What images contain, and where it is kept."""


def privacy_page() -> str:
    """Every field, table and folder that can hold personal data."""
    return f"""# Personal data

Generated by `python -m docs.generate` from `docs/privacy_fields.py` and
`docs/generate_privacy.py`. A test compares the lists with the schemas and migrations: a new
field, table or folder must be entered.

The audit log cannot forget, so that it can prove. What persons write freely is therefore outside
it. The log has a keyed digest of each text; the key is random, belongs to this text alone, and is
in the table beside the text. Deleting the row makes the digest meaningless ([decision
37](decisions/0037-texts-that-can-be-deleted.md)).

```sh
copystand text list --written-by p-4
copystand text delete text:hmac-sha256:27a9… --by p-7 --reason "asked by the person"
copystand text delete --written-by p-4 --by p-7 --reason "left the institution"
copystand person forget p-4
```

- A deletion is an event of type *deletion*: it names the references, and who deleted. Its own
  reason is such a text, too.
- `copystand audit`, `quarantine` and `packages show` show a text while it exists, then `[text
  deleted on DATE]`. Packages, exports and PREMIS files have the reference only.
- With `--json`, the events of `copystand audit` have `texts`: `[{{reference, text, written_by,
  stored_at, deleted_at, deletion_id, changed}}]`. A text that does not match its digest is
  `changed`, and the exit code is 1.
- A backup of the database brings deleted texts back. The tracker deletes them again: it reads all
  requests that came after the backup. If you restore the table alone, delete them again.
- If the database is lost, the texts are lost; `copystand audit` shows `[text … is not stored
  here]`. Back up the table `people.texts` where reasons must survive.
- PostgreSQL keeps old versions of rows in its files. The command therefore writes the table
  again. Write-ahead logs are overwritten in normal operation; to be certain, restart PostgreSQL
  and remove archived logs and old backups.
- `--reason` is visible in the list of processes and in the history of the shell, like all
  arguments.

## Fields of facts and events

Facts and events are kept for ever, on their topics, in `receipts/`, in the sealed log and in the
database. Shorter:

{_table(("topic", "kept for"), _retention())}

{FIELD}

{"".join(map(_kind, KINDS))}
## Folders of the home

{_table(("folder", "content"), _items(FOLDERS))}

All of them are kept until you remove the home, unless the table says otherwise. A message that
cannot be decoded, or whose signature is wrong, is kept unchanged with all it has.

## Tables of the database

{_table(("table", "content"), _items(TABLES))}

Tables without content here have numbers only. The schema `line` can be dropped and rebuilt from
the topics.

## What images contain

{_table(("embedded", "kept in"), EMBEDDED)}

- The log has none of these values but those of `page.described`; events count the tags.
- Reading images, pyramids, thumbnails and PDFs have no embedded metadata but the ICC profile.
- The master is never changed, and the package has it with all that is embedded. If artist, owner
  or GPS must not be kept, remove them before delivery: they are then neither in the master nor in
  what is made from it. A setting that leaves them out of `embedded-dc` is **not implemented
  yet**.
"""


def _kind(kind: Kind) -> str:
    fields = ((f"`{name}`", records.replace(" ", ", ")) for name, records in kind.fields.items())
    return f"""### {kind.title}

{kind.holds}

Deletion: {kind.deleted}

{_table(("field", "records"), fields)}

"""


def _retention() -> Iterable[tuple[str, str]]:
    for record, milliseconds in RETENTION_MS.items():
        yield f"`{topic_of(record).name}`", f"{milliseconds // DAY_MS} days, and 7 more at most"


def _items(named: dict[str, str]) -> Iterable[tuple[str, str]]:
    return ((f"`{name}`", content or "–") for name, content in named.items())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
