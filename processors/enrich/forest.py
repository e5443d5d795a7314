"""Forests of decision trees that the project trained, and their probabilities, with numpy alone."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WEIGHTS = Path(__file__).with_name("weights")
LEAF = -1
"""What stands in for the measure that a leaf asks."""
AT_ONCE = 4096
"""Samples that go through the trees together, so that memory stays flat."""


@dataclass(frozen=True)
class Forest:
    """Trees in depth-first order: the left child of a node is the next node."""

    labels: tuple[str, ...]
    roots: NDArray[np.int64]
    measure: NDArray[np.int16]
    """Which measure a node compares; LEAF for a leaf."""
    threshold: NDArray[np.float32]
    right: NDArray[np.int32]
    """The child for values above the threshold."""
    shares: NDArray[np.uint8]
    """For each leaf: the part of each label, in 255ths; other nodes have none."""
    leaf: NDArray[np.int32]
    """Which row of the shares belongs to a leaf."""

    def probabilities(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Samples x labels; the mean of all trees, not calibrated."""
        values = np.asarray(samples, np.float32)
        parts = [self._some(values[at : at + AT_ONCE]) for at in range(0, len(values), AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)))

    def _some(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        total = np.zeros((len(samples), len(self.labels)))
        rows = np.arange(len(samples))
        for root in self.roots:
            node = np.full(len(samples), root)
            moving = rows
            while len(moving):
                here = node[moving]
                asked = self.measure[here]
                inner = asked != LEAF
                moving, here, asked = moving[inner], here[inner], asked[inner]
                above = samples[moving, asked] > self.threshold[here]
                node[moving] = np.where(above, self.right[here], here + 1)
            total += self.shares[self.leaf[node]]
        shares: NDArray[np.float64] = total / np.maximum(total.sum(1, keepdims=True), 1)
        return shares


@dataclass(frozen=True)
class Model:
    """What one file of weights contains."""

    forests: dict[str, Forest]
    settings: dict[str, Any]
    """Thresholds and calibration, written by training."""
    sha256: str


@cache
def load(name: str) -> Model:
    """The weights of this name, and their digest."""
    path = WEIGHTS / f"{name}.npz"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with np.load(path, allow_pickle=False) as arrays:
        settings = json.loads(arrays["settings"].tobytes())
        forests = {
            forest: Forest(
                tuple(settings["labels"][forest]),
                *(arrays[f"{forest}.{part}"] for part in PARTS),
            )
            for forest in settings["labels"]
        }
    return Model(forests, settings, digest)


PARTS = ("roots", "measure", "threshold", "right", "shares", "leaf")


def save(path: Path, forests: dict[str, Forest], settings: dict[str, Any]) -> None:
    """Write weights so that the same weights give the same bytes."""
    labels = {name: list(forest.labels) for name, forest in sorted(forests.items())}
    text = json.dumps(settings | {"labels": labels}, sort_keys=True).encode()
    arrays = {
        f"{name}.{part}": getattr(forest, part)
        for name, forest in sorted(forests.items())
        for part in PARTS
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(file, settings=np.frombuffer(text, np.uint8), **arrays)
