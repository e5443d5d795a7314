"""Judges a line once its misfortunes are over: what is lost, what is there twice, what does not add up."""

import hashlib
import tarfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processors.tools import staging_key
from tests.faults.chaos.material import REFUSED, Batch, digest_of
from tests.faults.checkers import Finding, judge
from tests.support.running_line import Line

KINDS = {
    "lost": {"lost", "missing", "lacking", "unended", "unsealed"},
    "twice": {"twice", "two", "surplus", "once"},
    "imbalances": {"law", "settled", "settlement", "count", "counts"},
}
"""Words in a checker's rule, by what they tell of."""
NOBODYS = ("message.undecodable", "sender.signature-missing", "sender.signature-wrong")


@dataclass(frozen=True)
class Calm:
    """What the same material gave in a line without faults."""

    batches: frozenset[str]
    """Those that it processed; of some it may have no package."""
    digests: Mapping[str, str]
    """content_digest by package_id."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """How long each rush batch took there, by itself."""


@dataclass
class Verdict:
    """What was found, by kind; all lists are empty when all is well."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    imbalances: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def take(self, finding: Finding) -> None:
        """Add what a checker found, to the kind that its rule tells of."""
        words = finding.rule.replace("-", ".").split(".")
        kind = next((kind for kind, told in KINDS.items() if told & set(words)), "other")
        getattr(self, kind).append(str(finding))

    def all(self) -> list[str]:
        """Everything, each with its kind."""
        kinds = ("lost", "twice", "imbalances", "other")
        return [f"{kind}: {what}" for kind in kinds for what in getattr(self, kind)]


def judged(line: Line, batches: Sequence[Batch], poison: int, calm: Calm, began: float) -> Verdict:
    """Ask both checkers, and compare what the line keeps with what was handed over."""
    found = Verdict()
    spoiled = [staging_key(one) for batch in batches for one in (*batch.flipped, *batch.truncated)]
    ids = [batch.batch_id for batch in batches]
    for finding in judge(line, ids, calm.digests, spoiled=spoiled, began=began):
        found.take(finding)
    packages = line.ask("packages", "list", "--limit", "100000")
    records = line.ask("quarantine", "list", "--limit", "100000")
    _judge_quarantine(records, batches, poison, found)
    judge_packages(line.home, packages, batches, found)
    judge_digests(packages, calm, found)
    return found


def _judge_quarantine(
    records: Sequence[Any], batches: Sequence[Batch], poison: int, found: Verdict
) -> None:
    wanted = {page: code for batch in batches for page, code in batch.faulty.items()}
    wanted |= {batch.batch_id: REFUSED for batch in batches if batch.refused}
    still_open = [one for one in records if one["state"] == "open"]
    told = Counter(
        (one["page_id"] or one["item_id"] or one["batch_id"], one["code"])
        for one in still_open
        if one["code"] not in NOBODYS
    )
    for subject, code in wanted.items():
        if not told[subject, code]:
            found.lost.append(f"quarantine of {subject}, {code}")
    for (subject, code), times in told.items():
        if wanted.get(subject) != code:
            found.other.append(f"{subject} is in quarantine with {code}")
        elif times > 1:
            found.twice.append(f"quarantine of {subject}, {code}: {times} times")
    set_aside = sum(one["code"] in NOBODYS for one in records)
    if set_aside < poison:
        found.lost.append(f"{poison} messages of nonsense were taken, {set_aside} are kept")


def judge_packages(
    home: Path, packages: Sequence[Any], batches: Sequence[Batch], found: Verdict
) -> None:
    """Every master that was delivered sound is in one package, byte for byte."""
    wanted: Counter[str] = Counter()
    for batch in batches:
        held = {page.rpartition(":")[0] for page in batch.faulty}
        for path in batch.folder.rglob("*.tif"):
            if not batch.refused and f"{batch.batch_id}.{path.parent.name}" not in held:
                wanted[digest_of(path)] += 1
        wanted.update(digest_of(path) for path in batch.again)
    there: Counter[str] = Counter()
    for package in packages:
        there += _masters(home / package["key"], package["sha256"], found)
    found.lost += [f"master {digest}" for digest in wanted - there]
    found.twice += [f"master {digest}" for digest in there - wanted]
    versions = Counter((package["item_id"], package["revision"]) for package in packages)
    found.twice += [
        f"version {revision} of {item} has {many} packages"
        for (item, revision), many in versions.items()
        if many > 1
    ]


def _masters(tar: Path, sha256: str, found: Verdict) -> Counter[str]:
    """Digests of the masters in a package; that its own digest is right is seen as well."""
    content = tar.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        found.other.append(f"{tar} is not what its fact says")
    masters: Counter[str] = Counter()
    with tarfile.open(tar) as bag:
        for member in bag:
            file = bag.extractfile(member) if "/data/master/" in f"/{member.name}" else None
            if file is not None:
                masters[hashlib.sha256(file.read()).hexdigest()] += 1
    return masters


def judge_digests(packages: Sequence[Any], calm: Calm, found: Verdict) -> None:
    """Every package has the content that it has without faults, and no batch has one more."""
    told = {one["package_id"]: one["content_digest"] for one in packages}
    found.lost += [f"package {name}" for name in calm.digests.keys() - told.keys()]
    found.other += [
        f"package {one['package_id']} of nobody"
        for one in packages
        if one["batch_id"] in calm.batches and one["package_id"] not in calm.digests
    ]
    found.other += [
        f"{name} has content_digest {told[name]}, without faults {digest}"
        for name, digest in calm.digests.items()
        if told.get(name, digest) != digest
    ]
