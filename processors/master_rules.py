"""Refusals of a master that no profile can accept."""

from processors.delivered_checksums import Digests
from processors.imaging.content_description import EMPTY, UNKNOWN
from processors.imaging.decoding_result import Undecodable
from processors.imaging.format_identification import image_extensions
from processors.master_finding import Finding
from processors.page_files import extension_of
from processors.profile import Profile
from processors.profile_check import accepted_formats, unsupported


def fixity_refused(measured: Digests, announced: str) -> Finding | None:
    """Why a file is not the one that was captured, or None."""
    if measured.sha256 != announced:
        found = f"SHA-256 is {measured.sha256}, expected {announced}"
        return Finding("page.fixity-mismatch", found)
    for each in measured.vendor:
        if each.found is not None and not each.agrees:
            found = f"{each.algorithm} is {each.found}, delivered with {each.stated}"
            return Finding("page.vendor-checksum-mismatch", found)
    return None


def damaged(found: str) -> Finding:
    """A master whose structure or pixels are damaged."""
    return Finding("page.not-decodable", found[:1].upper() + found[1:])


def undecodable(error: Undecodable) -> Finding:
    """A master whose pixels are damaged, or of a kind that the decoder does not support."""
    if not error.unsupported:
        return damaged(error.found)
    found = error.found[:1].upper() + error.found[1:]
    return Finding("page.decoding-not-supported", found)


def not_an_image(described: str, original_name: str, profile: Profile) -> Finding:
    """A file without the signature of a format: a damaged image if its name is that of one."""
    if described == EMPTY:
        return damaged("the file is empty")
    if extension_of(original_name) in image_extensions() or described != UNKNOWN:
        return damaged(f"the file is not an image, but {described}")
    return unsupported("the file is in an unknown format", profile, accepted_formats(profile))


def image_refused(image: int | None, profile: Profile) -> Finding | None:
    """Why one of several images of a file is no page of its own, or None."""
    if image is None or profile.more_images != "refuse":
        return None
    found = f"The page is image {image} of its file; profile {profile.name} refuses several images"
    return Finding("page.more-images", found)
