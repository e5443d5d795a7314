"""The permissions of the users, as the table of facts implies them."""

from dataclasses import replace

from infra.acls import TOPIC, WRITE
from schemas.catalogue import AUDIT_CHECKPOINTS, AUDIT_INTAKE, AUDIT_PREMIS, topic_of
from streams.access import USERS, grants, read_topics, written_topics
from streams.topology import groups, role_of, topics

OPEN = {
    topic_of("BatchSubmitted").name: {"station"},
    topic_of("PageCaptured").name: {"station"},
    topic_of("PackageReceived").name: {"repository"},
    topic_of("ControlRequested").name: {"operator"},
}
ROLES = {"router", "worker", "tracker", "sealer", "projector", "fixity", "enrichment"}


def writers(topic: str) -> set[str]:
    return {user for user in USERS if topic in written_topics(user)}


def test_external_clients_write_four_topics_each_its_own():
    # The tracker publishes again what it had read, after a topic lost it.
    assert {name: writers(name) - {"tracker"} for name in OPEN} == OPEN


def test_every_other_topic_is_written_by_roles_alone():
    others = [topic.name for topic in topics() if topic.name not in OPEN]

    assert {name: writers(name) - ROLES for name in others} == {name: set() for name in others}


def test_only_the_sealer_writes_the_sealed_log_and_it_writes_nothing_else():
    sealed = [AUDIT_PREMIS.name, AUDIT_CHECKPOINTS.name]
    assert [writers(name) for name in sealed] == [{"sealer"}, {"sealer"}]
    assert sorted(written_topics("sealer")) == sorted(sealed)
    assert writers(AUDIT_INTAKE.name) == {
        "router",
        "worker",
        "tracker",
        "projector",
        "fixity",
        "enrichment",
    }


def test_a_role_reads_every_topic_of_its_groups():
    for group, names in groups().items():
        assert set(names) <= set(read_topics(role_of(group)))


def test_no_permission_covers_more_than_one_topic_and_only_reads_and_writes_exist():
    own = [one for one in grants() if one.resource == TOPIC]

    assert {one.operation for one in own} <= {"read", WRITE}
    assert {one.name for one in own} <= {topic.name for topic in topics()}
    assert not any(one.prefix for one in own)


def test_another_generation_of_the_sealed_log_has_the_same_permissions():
    name = f"{AUDIT_PREMIS.name}.g2"
    added = grants(name) - grants()

    for one in added:
        assert replace(one, name=AUDIT_PREMIS.name) in grants()
    assert {(one.user, one.operation) for one in added} == {
        (one.user, one.operation) for one in grants() if one.name == AUDIT_PREMIS.name
    } | {("projector", "read")}
    assert grants(name) >= grants() and {one.name for one in added} == {name}
    assert groups(name)["copystand.projector"] == [name]
    assert [topic.name for topic in topics(name)][-1] == name
