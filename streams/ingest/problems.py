"""What is wrong with a request, as its answer says it."""

from collections.abc import Mapping
from http import HTTPStatus

from processors.error_catalogue import fix_of

RETRY_SECONDS = 10
CHECKSUM_MISMATCH = 460
"""The status that tus defines; the library has no name for it."""
STATUS: Mapping[str, int] = {
    "upload.request-wrong": HTTPStatus.BAD_REQUEST,
    "upload.not-permitted": HTTPStatus.UNAUTHORIZED,
    "upload.unknown": HTTPStatus.NOT_FOUND,
    "upload.offset-wrong": HTTPStatus.CONFLICT,
    "upload.files-missing": HTTPStatus.CONFLICT,
    "upload.version-unknown": HTTPStatus.PRECONDITION_FAILED,
    "upload.too-long": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "upload.digest-wrong": HTTPStatus.UNPROCESSABLE_ENTITY,
    "upload.manifest-unreadable": HTTPStatus.UNPROCESSABLE_ENTITY,
    "upload.in-use": HTTPStatus.LOCKED,
    "upload.too-many": HTTPStatus.TOO_MANY_REQUESTS,
    "upload.chunk-wrong": CHECKSUM_MISMATCH,
    "store.not-reachable": HTTPStatus.SERVICE_UNAVAILABLE,
    "disk.no-space": HTTPStatus.INSUFFICIENT_STORAGE,
}
"""The status of each code; the codes are in docs/errors.md."""
PASSES_BY_ITSELF = {
    *("upload.in-use", "upload.too-many", "store.not-reachable", "disk.no-space"),
}


class Problem(Exception):
    """A request that is refused; nothing of it was used, unless the code says more."""

    def __init__(
        self,
        code: str,
        found: str,
        headers: Mapping[str, str] | None = None,
        *,
        status: int | None = None,
        more: Mapping[str, object] | None = None,
        **fills: object,
    ) -> None:
        """`more` are further fields of the answer, `fills` the placeholders of the fix."""
        super().__init__(f"{code}: {found}")
        self.code, self.status = code, status or STATUS[code]
        self.headers = dict(headers or {})
        if code in PASSES_BY_ITSELF:
            self.headers["Retry-After"] = str(1 if code == "upload.in-use" else RETRY_SECONDS)
        self.document = {"code": code, "found": found, "fix": fix_of(code, **fills), **(more or {})}
