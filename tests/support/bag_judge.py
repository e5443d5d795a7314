"""What bagit-profile finds in bags, by profiles of the tests in tests/data/bag_profiles."""

import json
from pathlib import Path

import bagit
import bagit_profile

PROFILES = Path(__file__).parents[1] / "data" / "bag_profiles"


def bag_faults(bag: Path, name: str) -> list[str]:
    """What a bag lacks of the BagIt profile with this name."""
    document = json.loads((PROFILES / f"{name}.json").read_text())
    identifier = document["BagIt-Profile-Info"]["BagIt-Profile-Identifier"]
    judge = bagit_profile.Profile(identifier, profile=document)
    judge.validate(bagit.Bag(str(bag)))
    return [str(one) for one in judge.report.errors]
