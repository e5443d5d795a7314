"""An archive of schemas that Apicurio imports under the ids that are in it (its format 3.0).

Apicurio's form of Confluent's API gives a schema its next free id, even in the mode IMPORT. A
schema that it already has keeps its id when it is registered for a subject."""

import io
import json
import zipfile
from hashlib import sha256

from schemas.store import SchemaStore


def archive(store: SchemaStore, ids: list[int]) -> bytes:
    """The archive with the schemas of these ids."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        manifest = {"exportVersion": "3.0", "systemVersion": "3.0"}
        file.writestr("manifest-0.Manifest.json", json.dumps(manifest))
        for number in ids:
            text = store.text(number)
            digest = sha256(text.encode()).hexdigest()
            content = {
                "contentId": number,
                "contentHash": digest,
                "canonicalHash": digest,
                "artifactType": "AVRO",
                "contentType": "application/json",
                "serializedReferences": None,
            }
            file.writestr(f"content/{digest}.Content.json", json.dumps(content))
            file.writestr(f"content/{digest}.Content.data", text)
    return out.getvalue()
