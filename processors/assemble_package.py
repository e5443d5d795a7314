"""Makes the package of a completed item, a BagIt bag in a tar, from its item record."""

from collections.abc import Sequence
from pathlib import Path

from processors.outcome import Done, Outcome, StorageError, rejected
from processors.package import bag, tar_writer
from processors.package.contents import contents_of
from processors.package.item_record import ItemRecord, RecordIncomplete, read_item
from processors.package.layout import DERIVATIVE_GROUPS, TARGET, Payload
from processors.package_layouts import LAYOUTS
from processors.package_metadata.bag_members import BagMembers
from processors.tools import Area, Tools
from schemas.ids import package_id
from schemas.models import Act, FileRef, ItemCompleted, PackageCounts, PackagePublished

TAR = "application/x-tar"


def assemble_package(completed: ItemCompleted, tools: Tools) -> Outcome:
    """Write the package of a completed item, verify what was stored, and publish it."""
    try:
        item = read_item(completed, tools)
        contents = contents_of(item)
        item = item.without(contents.withdrawn)
    except RecordIncomplete as incomplete:
        return rejected("package.record-incomplete", str(incomplete))
    package = package_id(item.item_id, completed.head.revision)
    layout = LAYOUTS[item.layout]
    files = layout.package_files(item, contents, tools)
    files.sort(key=lambda file: bag.by_bytes(file.path))
    digests = {file.path: file.sha256 for file in files}
    members = BagMembers(layout.tags(item, package, files), files, tools)
    target = tools.scratch / "package.tar"
    try:
        mtime = int(completed.head.occurred_at.timestamp())
        written = tar_writer.write(target, package, members, mtime=mtime)
    except tar_writer.FixityMismatch as mismatch:
        found = f"the store has {mismatch.found}, expected {mismatch.expected}"
        return rejected("package.fixity-mismatch", found, mismatch.path)
    stored = _store(target, package, written, members.sizes, tools)
    content = bag.content_digest(digests)
    # Each page with a master counts, also if several are images of one file.
    masters = sum(file.use == "master" for file in contents.payloads)
    return Done(_published(item, package, stored, files, contents.read, masters, content))


def _store(
    target: Path,
    package: str,
    written: str,
    sizes: dict[str, int],
    tools: Tools,
) -> FileRef:
    """Store the tar. Raises StorageError if the stored bytes differ from those written.

    The tar is not unpacked again: each file and the whole tar were hashed while they were written,
    and the store verifies its copy against that digest."""
    differences = tar_writer.differences(target, package, sizes)
    if differences:
        raise StorageError(f"the tar differs from its manifests: {'; '.join(differences[:3])}")
    tools.progress(f"storing {package}")
    stored = tools.storage.keep(
        target, area=Area.PACKAGES, use="package", media_type=TAR, move=True
    )
    if stored.sha256 != written:
        raise StorageError(f"the tar was written as {written} and stored as {stored.sha256}")
    target.unlink(missing_ok=True)
    return stored


def _published(
    item: ItemRecord,
    package: str,
    stored: FileRef,
    files: Sequence[Payload],
    read: int,
    masters: int,
    content: str,
) -> PackagePublished:
    return PackagePublished(
        package_id=package,
        item_id=item.item_id,
        revision=item.completed.head.revision,
        key=stored.key,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        content_digest=content,
        rights=item.rights,
        counts=PackageCounts(
            pages=sum(page["kind"] not in (TARGET, "missing") for page in item.pages),
            masters=masters,
            texts=read,
            missing=len(item.missing),
            derivatives=sum(file.group in DERIVATIVE_GROUPS for file in files),
            files=len(files),
        ),
        files=(stored,),
        acts=_acts(package, stored, len(files), content),
    )


def _acts(package: str, stored: FileRef, count: int, content: str) -> tuple[Act, ...]:
    item, tar = (f"package:{package}",), (f"sha256:{stored.sha256}",)
    return (
        Act(
            type="fixity check",
            outcome="suc",
            detail=f"{count} files had the SHA-256 that their facts state while they were copied",
            sources=item,
        ),
        Act(
            type="message digest calculation",
            outcome="suc",
            detail=f"SHA-256 of {count} payload files and of the tar; content digest {content}",
            sources=item,
            results=tar,
        ),
        Act(
            type="validation",
            outcome="suc",
            detail="The tar's headers were read again and agree with the bag's manifests; what is "
            "stored has the SHA-256 that was computed while it was written",
            sources=tar,
        ),
    )
