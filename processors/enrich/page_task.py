"""A page that models are to look at."""

from dataclasses import dataclass

from schemas.models import FileRef


@dataclass(frozen=True)
class PageTask:
    """A page to look at, and the models to run; an empty tuple means all that are installed."""

    page_id: str
    master_sha256: str
    master_width: int
    master_height: int
    master_dpi: float
    access: FileRef
    texts: tuple[FileRef, ...]
    stated_languages: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[FileRef, ...]:
        """The files that are read; the master is not one of them."""
        return (self.access, *self.texts)
