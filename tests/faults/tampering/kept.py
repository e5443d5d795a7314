"""What was judged so far, in a file from which another run continues."""

import json
import time
from pathlib import Path
from typing import Any

from tests.faults.tampering.kinds import Tampering


class Judged:
    """The verdicts about tamperings, one for each line of a file."""

    def __init__(self, file: Path) -> None:
        self._file, self._began = file, time.monotonic()
        lines = file.read_text().splitlines() if file.exists() else []
        self._found: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def has(self, tampering: Tampering) -> bool:
        """Whether a tampering was judged."""
        place = [tampering.by, tampering.part, tampering.name]
        return place in [one["place"] for one in self._found]

    def add(self, tampering: Tampering, *texts: str, right: bool, **facts: object) -> None:
        """Keep and print a verdict."""
        print(*texts, sep="\n", flush=True)
        now = time.monotonic()
        one = {
            "place": [tampering.by, tampering.part, tampering.name],
            "operation": tampering.operation,
            "text": [text for text in texts if not text.startswith("ok")],
            "right": right,
            "seconds": now - self._began,
            **facts,
        }
        self._began = now
        self._found.append(one)
        with self._file.open("a") as file:
            file.write(json.dumps(one) + "\n")

    def wrong(self) -> list[str]:
        """The verdicts that are not as they must be."""
        return [text for one in self._found if not one["right"] for text in one["text"]]

    def cells(self) -> tuple[object, ...]:
        """The columns of a row behind the number of events."""
        witnessed = [one for one in self._found if "count" in one]
        found = [one for one in self._found if "count" not in one]
        rewritten = sum(one["count"] for one in witnessed)
        missed = sum(len(one["text"]) for one in witnessed)
        return (
            len(found),
            len({one["operation"] for one in found}),
            len({one["place"][0] for one in found}),
            sum(one["detected"] for one in found),
            sum(one["exact"] for one in found),
            sum(one["roles"] for one in found),
            f"{rewritten - missed} of {rewritten}",
            f"{sum(one['seconds'] for one in self._found) / 60:.1f}",
            "; ".join(self.wrong()[:2]).replace("|", "/") or "all found with the exact index",
        )
