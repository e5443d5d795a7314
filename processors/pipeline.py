"""The whole system as one table: which step makes which fact of which, and where it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from processors.outcome import Outcome
from processors.tools import Tools
from schemas.catalogue import topic_of
from schemas.models import (
    BatchAccepted,
    BatchReceived,
    BatchSubmitted,
    CaptureAccepted,
    ItemCompleted,
    ItemRegistered,
    PackagePublished,
    PackageReceived,
    PageAcquired,
    PageAdmitted,
    PageCaptured,
    PageDerived,
    PageDescribed,
    PageEnriched,
    PageRecognized,
    ReceiptAccepted,
    Record,
)

StepFunction = Callable[[Any, Tools], Outcome]


@dataclass(frozen=True)
class Step:
    """Work that turns one fact into one outcome. Topic, group and policies follow from this row."""

    work: str
    """The function that does it, which is called like its module unless both are named, as in
    `module:function`. Loaded when it is first called: to know a step is not to load libvips."""
    takes: type[Record]
    gives: type[Record]
    premis: str
    """Event type of the transition that `gives` tells of."""
    lane: str
    also_gives: tuple[type[Record], ...] = ()
    branch: bool = False
    """Whether a profile says if it is done at all."""
    after_branch: bool = False
    """A branch that takes what another branch gave; no page can wait for it."""
    version: str = "1"
    """Raised when the same input should give another answer; recorded in events, never in ids."""
    timeout_seconds: float = 60.0
    seconds_per_megabyte: float = 5.0
    name_on_topics: str = ""
    """Given when it differs from the function's name."""

    @property
    def name(self) -> str:
        """What it is called in ids, groups, receipts and commands."""
        return self.name_on_topics or self.work.rpartition(":")[2]

    @property
    def function(self) -> StepFunction:
        """What does the work."""
        module, _, name = self.work.rpartition(":")
        found: StepFunction = getattr(import_module(f"processors.{module or name}"), name)
        return found

    @property
    def topic(self) -> str:
        """Where its inputs come from."""
        return topic_of(self.takes.__name__).name

    @property
    def group(self) -> str:
        """Its consumer group."""
        return f"copystand.{self.name}"


ROUTER = "router"

STEPS: tuple[Step, ...] = (
    Step(
        "route:receive_batch",
        BatchSubmitted,
        BatchReceived,
        premis="submission receipt",
        lane="intake",
        name_on_topics=ROUTER,
    ),
    Step(
        "route:accept_capture",
        PageCaptured,
        CaptureAccepted,
        premis="capture",
        lane="intake",
        name_on_topics=ROUTER,
    ),
    Step(
        "route:accept_receipt",
        PackageReceived,
        ReceiptAccepted,
        premis="transfer",
        lane="intake",
        name_on_topics=ROUTER,
    ),
    Step(
        "validate_batch",
        BatchReceived,
        BatchAccepted,
        premis="validation",
        lane="preflight",
        also_gives=(ItemRegistered,),
        version="2",
        timeout_seconds=600,
    ),
    Step(
        "acquire_page", PageAdmitted, PageAcquired, premis="ingestion", lane="masters", version="2"
    ),
    Step(
        "recognize_page",
        PageAcquired,
        PageRecognized,
        premis="transcription",
        lane="text",
        branch=True,
        version="2",
        # A turned page is read twice, each time within the profile's own limit.
        timeout_seconds=400,
    ),
    Step(
        "derive_page",
        PageAcquired,
        PageDerived,
        premis="creation",
        lane="derivatives",
        branch=True,
    ),
    Step(
        "describe_page",
        PageAcquired,
        PageDescribed,
        premis="metadata extraction",
        lane="metadata",
        branch=True,
    ),
    Step(
        "enrich_page",
        PageRecognized,
        PageEnriched,
        premis="enrichment",
        lane="enrichment",
        branch=True,
        after_branch=True,
    ),
    Step(
        "assemble_package",
        ItemCompleted,
        PackagePublished,
        premis="information package creation",
        lane="packages",
        version="2",
        timeout_seconds=600,
    ),
)
"""Adding a step is one row here, one file beside this one and one schema."""

OTHER_TRANSITIONS = {
    "ItemRegistered": "registration",
    "PageAdmitted": "admission",
    "ItemCompleted": "completion",
    "BatchSettled": "settlement",
    "WorkDeferred": "deferral",
    "WorkQuarantined": "quarantine",
    "ControlDecided": "decision",
}
"""Event types of the transitions that no step gives."""


def transition_type(record: str) -> str:
    """Event type of the transition that a fact tells of. Raises KeyError for what owes none."""
    if record in OTHER_TRANSITIONS:
        return OTHER_TRANSITIONS[record]
    return {step.gives.__name__: step.premis for step in STEPS}[record]


def router_steps() -> tuple[Step, ...]:
    """What the router does, by the record it takes."""
    return tuple(step for step in STEPS if step.name == ROUTER)


def worker_steps() -> tuple[Step, ...]:
    """What workers do."""
    return tuple(step for step in STEPS if step.name != ROUTER)


def branches() -> tuple[Step, ...]:
    """Steps that a profile may require."""
    return tuple(step for step in STEPS if step.branch and not step.after_branch)


def wanted(step: Step, fact: Record) -> bool:
    """Whether a step has anything to do with a fact: branches are named in it."""
    if not step.branch:
        return True
    named = (getattr(fact, "required_branches", ()), getattr(fact, "optional_branches", ()))
    return any(step.name in names for names in named)
