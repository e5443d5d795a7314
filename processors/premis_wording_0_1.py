"""Texts of events whose facts were made by a version before 0.2.0.

Sealed events can be made again from their facts and compared byte by byte, so the text of a sealed
event must not change. If a text in the table of steps changes, the old text is moved to a module
like this one, and `OLD_TEXTS` in processors/premis.py names the version that changed it."""

DETAILS = {
    "BatchReceived": "Submission taken in; its manifest's body has SHA-256 {fact.manifest_sha256}.",
    "CaptureAccepted": "Capture {fact.sequence} of the item taken in.",
    "ReceiptAccepted": "{fact.repository} answered for {fact.package_id}: {fact.reason}",
    "BatchAccepted": "Pre-flight passed: {fact.item_count} items, {fact.page_count} pages, "
    "profile {fact.scanner_profile}, {fact.diagnostics_count} findings.",
    "ItemRegistered": "Registered with {fact.page_count} pages.",
    "PageAdmitted": "Page {fact.ref}, {fact.kind}, admitted with priority {fact.priority}.",
    "PageAcquired": "Master stored and judged good: {fact.format_name}, "
    "{fact.width_px} x {fact.height_px} pixels.",
    "PageDerived": "Reading images made.",
    "PageRecognized": "{fact.words} words and {fact.characters} characters recognised.",
    "PageDescribed": "Metadata drawn from the master.",
    "PageEnriched": "Suggestions made.",
    "ItemCompleted": "Every required branch of its {fact.page_count} pages has ended.",
    "PackagePublished": "{fact.package_id} published: {fact.counts.files} files, "
    "{fact.size_bytes} bytes, content {fact.content_digest}.",
    "BatchSettled": "Settled: {fact.registered} pages registered, {fact.packaged} packaged, "
    "{fact.quarantined} quarantined, {fact.cancelled} cancelled.",
    "WorkQuarantined": "Set aside at {fact.step}: {fact.where}: {fact.found}. {fact.fix}",
}
"""Detail of a transition, by record."""
