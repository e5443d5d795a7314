"""All defects that are planted, by name."""

from tests.faults.planted import of_the_log, of_the_tracker, of_workers
from tests.faults.planted.planting import DEFECTS

__all__ = ["DEFECTS", "of_the_log", "of_the_tracker", "of_workers"]
