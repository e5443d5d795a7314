"""Without a setting, servers get the memory that they have in other environments too."""

from infra.kafka import HEAP_MB
from infra.postgres import BUFFERS_MB
from streams.settings import Settings


def test_the_defaults_are_those_of_the_servers():
    # Two numbers, since the settings do not load the clients of the servers.
    found = Settings.load({})

    assert (found.kafka_heap_mb, found.postgres_buffers_mb) == (HEAP_MB, BUFFERS_MB)
