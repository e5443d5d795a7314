"""Prints how many crash points each place of promises has, and what was violated at them.

`--all` takes every point, else a share drawn from a seed; `--planted` takes stores with a fault of
their own, each of which must be found."""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.faults.crash_points.acts import ACTS, Act
from tests.faults.crash_points.planted import PLANTED
from tests.faults.crash_points.points import attempt, chosen, measure

MOST_SHOWN = 10


def survey(act: Act, share: float, seed: int, scratch: Path) -> dict[str, Any]:
    """The figures of one act."""
    started = time.monotonic()
    whole = measure(act, scratch)
    weighted = share if share == 1 else share * act.weight
    points = chosen(whole.points, weighted, f"{seed} {act.name}")
    violations = [f"undisturbed: {fault}" for fault in whole.faults]
    for point in points:
        violations += [f"{point}: {fault}" for fault in attempt(act, point, whole, scratch)]
    return {
        "act": act.name,
        "of": len(whole.points),
        "points": len(points),
        "seconds": round(time.monotonic() - started, 1),
        "violations": violations,
    }


def show(rows: list[dict[str, Any]]) -> None:
    """One table, and the first violations of each place."""
    print(f"{'place':26} {'points':>7} {'of':>5} {'violations':>11} {'seconds':>8}")
    for row in rows:
        told = (row["points"], row["of"], len(row["violations"]), row["seconds"])
        print(f"{row['act']:26} {told[0]:7} {told[1]:5} {told[2]:11} {told[3]:8}")
    print(f"{'all':26} {sum(row['points'] for row in rows):7}")
    for row in rows:
        for violation in row["violations"][:MOST_SHOWN]:
            print(f"  {row['act']}: {violation}")


def main() -> int:
    """Exit code 1 when something was violated; with `--planted`, when one was missed."""
    parser = argparse.ArgumentParser(prog="tests.faults.crash_points", description=__doc__)
    parser.add_argument("--all", action="store_true", help="every point")
    parser.add_argument("--share", type=float, default=0.25, help="share of the points, 0 to 1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--only", nargs="*", help="names of places")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    acts = {act.name: act for act in ACTS}
    if asked.planted:
        acts = {name: planted.act for name, planted in PLANTED.items()}
    share = 1.0 if asked.all else asked.share
    with tempfile.TemporaryDirectory(prefix="crash-points-") as scratch:
        rows = [
            survey(act, share, asked.seed, Path(scratch)) | {"act": name}
            for name, act in acts.items()
            if not asked.only or name in asked.only
        ]
    print(json.dumps(rows, indent=1)) if asked.json else show(rows)
    if asked.planted:
        return 1 if any(not _found(row) for row in rows) else 0
    return 1 if any(row["violations"] for row in rows) else 0


def _found(row: dict[str, Any]) -> bool:
    return any(PLANTED[row["act"]].found in violation for violation in row["violations"])


if __name__ == "__main__":
    sys.exit(main())
