"""The topic must have each sealed event once, in order, and nothing that nobody has reported."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from streams.audit.sealed_record import headers_of
from streams.projector.findings import id_of_record
from streams.verification.log_files import later_leaves
from streams.verification.topic_comparison import TopicComparison, compare
from tests.support.small_sealed_log import OnTopic, Small, a_record, a_small_log, on_topic

TOPIC = "digitization.audit.premis.v1"
SIGNED, UNSIGNED = 300, 20
Messages = list[OnTopic]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Small:
    records = [a_record(seq) for seq in range(SIGNED + UNSIGNED)]
    return a_small_log(tmp_path_factory.mktemp("small") / "log", records, SIGNED)


def found_in(log: Small, messages: Messages) -> int | None:
    def later(last: int, _: float) -> list[bytes]:
        return later_leaves(log.folder, log.tree.size, last, 0)

    problem = compare(messages, TopicComparison(TOPIC, log.tree, later))  # type: ignore[arg-type]
    return problem[0] if problem else None


def test_finds_nothing_on_the_topic_of_the_log_and_nothing_behind_its_checkpoint(log: Small):
    assert found_in(log, on_topic(log.records)) is None


def another(seq: int) -> OnTopic:
    forged = a_record(seq, "forged")
    return OnTopic(9000, forged.value, headers_of(forged.seal))


def at(place: int, *others: OnTopic) -> Callable[[Messages], None]:
    return lambda messages: messages.insert(place, *others)


CHANGES: dict[str, tuple[Callable[[Messages], None], int]] = {
    "one is missing": (lambda messages: messages.__delitem__(17), 17),
    "the end is missing": (lambda messages: messages.__delitem__(slice(250, None)), 250),
    "the first are missing": (lambda messages: messages.__delitem__(slice(0, 9)), 0),
    "one is replaced": (lambda messages: messages.__setitem__(40, another(40)), 40),
    "one has moved to the end": (lambda messages: messages.append(messages.pop(60)), 60),
    "one is repeated": (lambda messages: messages.append(messages[70]), 70),
    "a taken seq is forged": (lambda messages: messages.append(another(80)), 80),
    "the next seq is forged": (
        lambda messages: messages.append(another(SIGNED + UNSIGNED)),
        SIGNED + UNSIGNED,
    ),
    "a later seq is forged": (
        lambda messages: messages.append(another(SIGNED + 5000)),
        SIGNED + UNSIGNED,
    ),
    "one without a checkpoint is forged": (
        lambda messages: messages.__setitem__(SIGNED + 4, another(SIGNED + 4)),
        SIGNED + 4,
    ),
    "a tombstone follows": (
        lambda messages: messages.append(OnTopic(9001, None, [])),
        SIGNED + UNSIGNED,
    ),
    "a tombstone is in the middle": (at(90, OnTopic(9001, None, [])), 90),
}


@pytest.mark.parametrize("what", CHANGES)
def test_names_the_first_event_concerned(log: Small, what: str):
    change, first_bad = CHANGES[what]
    messages = on_topic(log.records)
    change(messages)

    assert found_in(log, messages) == first_bad


def test_an_event_that_follows_later_ones_is_not_in_its_place(tmp_path: Path):
    log = a_small_log(tmp_path / "log", [a_record(seq) for seq in range(30)], 30)
    messages = on_topic(log.records)
    messages.append(messages.pop(12))

    assert found_in(log, messages) == 12


def test_a_record_that_the_projector_has_reported_is_no_difference(tmp_path: Path):
    forged = another(4)
    digest = sha256(forged.content or b"").hexdigest()
    finding = a_record(10, "foreign", event_id=id_of_record(TOPIC, forged.place, digest))
    records = [a_record(seq) for seq in range(10)]
    before = a_small_log(tmp_path / "before" / "log", records, 10)
    after = a_small_log(tmp_path / "after" / "log", [*records, finding], 10)

    assert found_in(before, [*on_topic(records), forged]) == 4
    assert (
        found_in(after, [*on_topic(records), forged, *on_topic([*records, finding])[10:]]) is None
    )
