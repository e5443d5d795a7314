"""The programs of docs/how-to/read-topics-in-other-languages.md, and a registry that is not ours.

`make registry` installs what they need."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra import paths, ports
from schemas.store import SchemaStore
from streams.schema_registry.registry import Registry
from tests.support import pages
from tests.support.delivery import submission
from tests.support.running_line import Line, wait_for

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/read-topics-in-other-languages.md"
INSTALLED = paths.cache_folder() / "consumers-1"
SECONDS = 90.0

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Readers:
    """A folder with the programs of the page, beside the exported schemas."""

    line: Line
    folder: Path
    environment: dict[str, str]
    expected: list[str]
    """What each program prints: one line for each package."""

    def lines(self, *command: str | Path, **more: str) -> list[str]:
        """The lines that a program prints, sorted: packages are on several partitions."""
        return sorted(self.run(*command, **more).splitlines())

    def run(self, *command: str | Path, **more: str) -> str:
        """What a program prints."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.folder,
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=SECONDS * 2,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
        return done.stdout


def blocks(language: str) -> list[str]:
    """The blocks of code in a language, in the order of the page."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    return found


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    folder, line = tmp_path_factory.mktemp("readers"), Line(tmp_path_factory.mktemp("line"))
    pages.write_item(folder / "batch" / "vol-1", 1, first=1)
    pages.write_item(folder / "batch" / "vol-2", 1, first=2)
    try:
        line.up()
        line.ask(*submission(folder / "batch", "abroad"))
        export, access = blocks("sh")[0], blocks("sh")[1]
        environment = os.environ | {
            "COPYSTAND_HOME": str(line.home),
            "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        }
        shell = f"{export}\n{access}\nenv -0"
        done = subprocess.run(
            ["sh", "-ec", shell], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        shown = [one.partition("=") for one in done.stdout.split("\0") if "=" in one]
        environment |= {
            name: value
            for name, _, value in shown
            if name in ("SERVERS", "KAFKA_USER", "KAFKA_PASSWORD")
        }
        (folder / "node_modules").symlink_to(INSTALLED / "node_modules")
        (folder / "avro-tools.jar").symlink_to(next(INSTALLED.glob("avro-tools-*.jar")))
        packages = line.ask("packages", "list", "--batch", "abroad")
        expected = sorted(f"{one['package_id']} {one['content_digest']}" for one in packages)
        assert len(expected) == 2
        yield Readers(line, folder, environment, expected)
    finally:
        line.down()


@pytest.fixture(scope="module")
def registry(readers: Readers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Apicurio."""
    port, management = ports.free_port(set()), ports.free_port(set())
    java = next((INSTALLED / "java").rglob("bin/java"))
    java.chmod(0o755)
    listens = {"quarkus.http.host": "127.0.0.1", "quarkus.management.host": "127.0.0.1"}
    chosen = listens | {"quarkus.http.port": port, "quarkus.management.port": management}
    jar = next((INSTALLED / "apicurio").rglob("quarkus-run.jar"))
    command = [
        java,
        "-Xmx512m",
        *(f"-D{name}={value}" for name, value in chosen.items()),
        "-jar",
        jar,
    ]
    with (tmp_path_factory.mktemp("registry") / "log").open("w+") as log:
        process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        try:
            wait_for(lambda: answers(f"{address}/subjects"), SECONDS, lambda: log.name)
            yield address
        finally:
            process.terminate()
            process.wait(30)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        time.sleep(0.5)
        return False


def test_a_program_in_python_reads_what_was_published(readers: Readers):
    (readers.folder / "read.py").write_text(blocks("python")[0])

    assert readers.lines(sys.executable, "-I", "read.py") == readers.expected


def test_a_program_in_java_reads_what_was_published(readers: Readers):
    (readers.folder / "ReadPackages.java").write_text(blocks("java")[0])
    jars = f"avro-tools.jar:{paths.kafka_jars()}/*"

    assert readers.lines("java", "-cp", jars, "ReadPackages.java") == readers.expected


def test_a_program_in_javascript_reads_what_was_published(readers: Readers):
    (readers.folder / "read.js").write_text(blocks("js")[0])

    assert readers.lines("node", "read.js") == readers.expected


def test_the_shell_reads_one_message(readers: Readers):
    (command,) = (block for block in blocks("sh") if "kafka-console-consumer.sh" in block)

    script = readers.folder / "kafka-console-consumer.sh"
    program = "org.apache.kafka.tools.consumer.ConsoleConsumer"
    script.write_text(f'#!/bin/sh\nexec java -cp "{paths.kafka_jars()}/*" {program} "$@"\n')
    script.chmod(0o755)
    path = f"{readers.folder}:{readers.environment['PATH']}"

    document = json.loads(readers.run("sh", "-ec", command, PATH=path))

    assert f"{document['package_id']} {document['content_digest']}" in readers.expected


def test_messages_from_before_the_push_are_read_with_the_registry(readers: Readers, registry: str):
    own, client = SchemaStore(), Registry(registry)

    pushed = readers.line.ask("schemas", "push", "--registry", registry)
    again = readers.line.ask("schemas", "push", "--registry", registry)

    assert (pushed["added"], again["added"]) == (own.all_ids(), [])
    assert [client.text(number) for number in own.all_ids()] == [
        own.text(number) for number in own.all_ids()
    ]
    from_folder, from_registry = blocks("js")
    program = re.sub(
        r"^function text.*?^}\n", lambda _: from_registry, from_folder, flags=re.M | re.S
    )
    program = program.replace("reading-room.node", "reading-room.registry")
    assert "fetch(" in program and "readdirSync" not in program
    (readers.folder / "read_registry.js").write_text(program)
    assert readers.lines("node", "read_registry.js", REGISTRY=registry) == readers.expected


def test_a_line_runs_with_the_registry(readers: Readers, registry: str):
    readers.line.ask("schemas", "push", "--registry", registry)
    pages.write_item(readers.folder / "more" / "vol-3", 1, first=3)
    readers.line.down()
    line = Line(readers.line.home, COPYSTAND_SCHEMA_REGISTRY=registry)

    line.up()

    assert line.ask(*submission(readers.folder / "more", "with-registry"))["state"] == "settled"
    compared = json.loads((line.home / "schemas" / "compared.json").read_text())
    assert (compared["registry"], len(compared["schemas"])) == (
        registry,
        len(SchemaStore().all_ids()),
    )
