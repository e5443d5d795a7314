"""Finds files of a delivery by names in other files, which may have another Unicode form."""

import unicodedata
from collections.abc import Iterable
from functools import cached_property


def nfc(name: str) -> str:
    """A name in Unicode form NFC, in which names are compared."""
    return unicodedata.normalize("NFC", name)


class Names:
    """The names of files, looked up as they are, in Unicode form NFC, and in another case."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def on_disk(self, name: str) -> str:
        """The name as on disk, where accents may have another form; else the name itself."""
        if name in self._names:
            return name
        return self._by_form.get(nfc(name), name)

    def in_any_case(self, name: str) -> str | None:
        """The only file of this name in upper or lower case, or None."""
        found = self._by_folded.get(nfc(name).casefold(), ())
        return found[0] if len(found) == 1 else None

    def only_one_called(self, base_name: str) -> str | None:
        """The only file with a base name, or None."""
        found = self._by_base.get(nfc(base_name), ())
        return found[0] if len(found) == 1 else None

    def only_with_stem(self, stem: str, other_than: str) -> str | None:
        """The only file of this name without its suffix, except the one given; or None."""
        found = [name for name in self._by_stem.get(stem, ()) if name != other_than]
        return found[0] if len(found) == 1 else None

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in sorted(self._names):
            found.setdefault(name.rpartition(".")[0], []).append(name)
        return found

    @cached_property
    def _by_form(self) -> dict[str, str]:
        # Of names that differ in form alone the first one counts.
        return {nfc(name): name for name in sorted(self._names)[::-1]}

    @cached_property
    def _by_folded(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in sorted(self._names):
            found.setdefault(nfc(name).casefold(), []).append(name)
        return found

    @cached_property
    def _by_base(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in sorted(self._names):
            base = nfc(name.rpartition("/")[2])
            found.setdefault(base, []).append(name)
        return found
