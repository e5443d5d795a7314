"""What comes a second time leaves no trace, and what was dropped comes back the same."""

from confluent_kafka import Producer

from tests.support.audit_log import fresh_projection
from tests.support.delivery import BATCH, NO_EVENT, NO_FACT, OPERATOR, Delivered, submission
from tests.support.reader import PREMIS, Raw
from tests.support.running_line import Line, wait_for
from tests.support.whole_log import all_rows, projected, read_when_quiet


def test_the_same_submission_again_changes_nothing(line: Line, delivered: Delivered):
    _, before = read_when_quiet(line)
    figures, packages = line.figures(BATCH), line.ask("packages", "list")

    told = line.ask(*submission(delivered.folder, BATCH), "--operator", OPERATOR, code=1)

    # What was quarantined is so still, hence the 1.
    assert told["quarantined"] == delivered.told["quarantined"]
    _, after = read_when_quiet(line)
    assert (after.owed, after.sealed, after.faults()) == (before.owed, before.sealed, [])
    assert (line.figures(BATCH), line.ask("packages", "list")) == (figures, packages)


def test_everything_delivered_a_second_time_leaves_no_trace(line: Line, delivered: Delivered):
    raws, before = read_when_quiet(line)
    packages, figures = line.ask("packages", "list"), line.ask("status")["batches"]
    quarantined = line.ask("quarantine", "list")

    again = Producer({**line.kafka.client, "enable.idempotence": True})
    repeated = [raw for raw in raws if raw.topic != PREMIS and decodable(raw)]
    for raw in repeated:
        again.produce(raw.topic, raw.value, raw.key, raw.partition, headers=list(raw.headers))
    assert again.flush(30) == 0
    wait_for(lambda: lags(line) == [0], 40, lambda: f"lags {line.ask('status')['roles']}")

    _, after = read_when_quiet(line)
    assert after.faults() == []
    assert (after.owed, after.sealed) == (before.owed, before.sealed)
    assert line.ask("packages", "list") == packages
    assert line.ask("status")["batches"] == figures
    assert line.ask("quarantine", "list") == quarantined


def decodable(raw: Raw) -> bool:
    """Another offset makes bytes that are no fact another misfortune, told as such."""
    return raw.value not in (NO_FACT, NO_EVENT)


def lags(line: Line) -> list[int]:
    """The distinct lags of the roles that have one."""
    return sorted({row["lag"] for row in line.ask("status")["roles"] if row["lag"] is not None})


def test_dropping_and_replaying_the_projection_gives_the_same_rows(
    line: Line, delivered: Delivered
):
    read_when_quiet(line)
    before = all_rows(line)

    fresh_projection(line.dsn())
    line.kill("projector")

    wait_for(lambda: projected(line) == len(before), 40, lambda: f"{projected(line)} rows")
    assert all_rows(line) == before
