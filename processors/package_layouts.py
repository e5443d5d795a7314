"""The layout versions of packages: who writes the files of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from processors.package.bag import Tags
from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import Payload
from processors.package_v1 import writer as v1
from processors.package_v2 import writer as v2
from processors.tools import Tools


@dataclass(frozen=True)
class Layout:
    """The writers of a layout version."""

    package_files: Callable[[ItemRecord, Contents, Tools], list[Payload]]
    """All files below data/."""
    tags: Callable[[ItemRecord, str, Sequence[Payload]], Tags]
    """The tag files, for the package of this id with these files."""


LAYOUTS = {
    1: Layout(v1.package_files, v1.tags),
    2: Layout(v2.package_files, v2.tags),
}
