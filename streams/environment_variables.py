"""Every environment variable that the software reads: name, default, unit, constraint, effect.

`docs/settings.md` is generated from this model."""

import socket
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, PlainValidator

from streams import storage_settings
from streams.enrichment_variables import EnrichmentVariables
from streams.fixity_variables import FixityVariables
from streams.machine import cores, most_memory_mb
from streams.night_window import NightWindow, read_night_window
from streams.registry_variables import RegistryVariables
from streams.resource_variables import ResourceVariables
from streams.scanner_variables import ScannerVariables
from streams.settings_fields import cluster_size, ports_by_name, variable
from streams.station_variables import StationVariables
from streams.upload_variables import UploadVariables


class EnvironmentVariables(
    EnrichmentVariables,
    FixityVariables,
    RegistryVariables,
    ResourceVariables,
    ScannerVariables,
    StationVariables,
    UploadVariables,
):
    """One field for each variable. The constructor takes values and reads no environment."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        validate_by_name=True,
        validate_default=True,
        allow_inf_nan=False,
    )

    home: Annotated[Path, AfterValidator(Path.absolute)] = variable(
        "COPYSTAND_HOME",
        Path("var"),
        "Folder of the line: data, logs, ports and passwords.",
        read_by="all",
    )
    kafka_brokers: str = variable(
        "KAFKA_BROKERS",
        "",
        "Bootstrap servers `host:port,…` of a Kafka cluster that `copystand up` did not start.",
        read_by="all",
        default_text="the home's own Kafka",
    )
    postgres_dsn: str = variable(
        "POSTGRES_DSN",
        "",
        "Connection URI, without user and password, of a PostgreSQL server that `copystand up` did"
        " not start.",
        read_by="all",
        default_text="the home's own PostgreSQL",
    )
    postgres_password_file: Path | None = variable(
        "POSTGRES_PASSWORD_FILE",
        None,
        "File with the password of the superuser `postgres` of that server.",
        read_by="`python -m streams.provision`",
    )
    broker_count: Annotated[int, AfterValidator(cluster_size)] | None = variable(
        "COPYSTAND_BROKERS",
        None,
        "Number of Kafka brokers of a new home. A home keeps its number.",
        read_by="`copystand up`",
        must_be="1 or 3",
        default_text="1",
    )
    client_ports: Annotated[dict[str, int], PlainValidator(ports_by_name)] = variable(
        "COPYSTAND_CLIENT_PORTS",
        dict,
        "Ports at which clients reach a server through a proxy.",
        read_by="`copystand up`",
        must_be="like kafka=20001,postgres=20002",
        default_text="the servers' own ports",
    )
    cache: Path | None = variable(
        "COPYSTAND_CACHE",
        None,
        "Folder for downloads: Kafka and the XSD files.",
        read_by="`make install`, `copystand up`, station, worker",
        default_text="`.cache` in the checkout",
    )
    java_home: Path | None = variable(
        "JAVA_HOME",
        None,
        "Java installation that runs Kafka.",
        read_by="`make install`, `copystand up`, `copystand doctor`",
        default_text="`java` on the PATH",
    )
    worker_id: str = variable(
        "COPYSTAND_WORKER_ID",
        socket.gethostname,
        "Name of this machine: member of the consumer groups, and sender of what it submits. Each"
        " machine needs its own.",
        read_by="router, worker, station, repository",
        default_text="the host name",
    )
    pool_size: int = variable(
        "WORK_POOL_SIZE",
        cores,
        "Child processes of a worker, and thus pages in work at once. The tracker admits pages for"
        " so many processes.",
        read_by="worker, tracker",
        unit="processes",
        ge=1,
        default_text="the number of cores",
        in_file=True,
    )
    session_timeout_seconds: float = variable(
        "COPYSTAND_SESSION_TIMEOUT",
        45,
        "Kafka removes a worker that sends no heartbeat for this long from its consumer groups, and"
        " the other workers take over its partitions. Kafka's minimum is 6.",
        read_by="worker",
        unit="s",
        ge=6,
        old_name="COPYSTAND_SILENCE_SECONDS",
        in_file=True,
    )
    liveness_timeout_seconds: float = variable(
        "COPYSTAND_LIVENESS_TIMEOUT",
        120,
        "The supervisor kills and restarts a role that gives no sign of life for this long. A role"
        " normally gives one each second.",
        read_by="supervisor",
        unit="s",
        ge=3,
        old_name="COPYSTAND_STALLED_SECONDS",
        in_file=True,
    )
    retry_scale: float = variable(
        "COPYSTAND_RETRY_SCALE",
        1.0,
        "Factor for every retry delay. Tests make it small.",
        read_by="router, worker, tracker",
        ge=0,
    )
    images_mb: float = variable(
        "COPYSTAND_IMAGES_MB",
        most_memory_mb,
        "Memory for the decoded images that a worker processes at once. Further pages wait.",
        read_by="worker",
        unit="MB",
        ge=1,
        default_text="60 % of the memory",
        in_file=True,
    )
    child_mb: float = variable(
        "COPYSTAND_CHILD_MB",
        most_memory_mb,
        "Memory limit of one child process of a worker (RLIMIT_DATA).",
        read_by="worker",
        unit="MB",
        ge=256,
        default_text="60 % of the memory",
        in_file=True,
    )
    recycle_mb: float = variable(
        "COPYSTAND_RECYCLE_MB",
        600,
        "A child process that still holds more than this after a task is replaced.",
        read_by="worker",
        unit="MB",
        ge=200,
        in_file=True,
    )
    reserve_mb: float = variable(
        "COPYSTAND_RESERVE_MB",
        256,
        "Free disk space that stays unused. With less, work waits and deliveries are refused.",
        read_by="worker, tracker, watchdog, ingest, station, repository",
        unit="MB",
        ge=0,
    )
    reserve_inodes: int = variable(
        "COPYSTAND_RESERVE_INODES",
        4000,
        "Free inodes that stay unused, as with COPYSTAND_RESERVE_MB. A file or folder needs one."
        " With less than a quarter of it, the servers are stopped as with COPYSTAND_FLOOR_MB.",
        read_by="worker, tracker, watchdog, ingest, station, repository",
        unit="inodes",
        ge=0,
    )
    floor_mb: float = variable(
        "COPYSTAND_FLOOR_MB",
        64,
        "With less free disk space, Kafka, PostgreSQL and the roles are stopped. They start again"
        " when twice as much and the ballast are free.",
        read_by="`copystand up`, supervisor",
        unit="MB",
        ge=0,
    )
    ballast_mb: float = variable(
        "COPYSTAND_BALLAST_MB",
        64,
        "Size of files that only take space. They are removed when the servers are stopped for lack"
        " of space, so that they can write what they have in memory.",
        read_by="supervisor",
        unit="MB",
        ge=0,
    )
    night: Annotated[NightWindow | None, PlainValidator(read_night_window)] = variable(
        "COPYSTAND_NIGHT",
        None,
        "Hours, in the machine's time zone, in which batches of priority `night` are admitted."
        " Without it they are admitted at any time, after all other batches.",
        read_by="tracker",
        must_be='two times like "20:00-06:00"',
    )
    quiet_minutes: float = variable(
        "COPYSTAND_QUIET_MINUTES",
        60,
        "`copystand status` reports a running batch without progress for this long.",
        read_by="watchdog",
        unit="minutes",
        ge=0,
    )
    answer_days: float = variable(
        "COPYSTAND_ANSWER_DAYS",
        14,
        "`copystand status` reports a package that no repository has answered for this long.",
        read_by="watchdog, `copystand packages list`",
        unit="days",
        ge=0,
    )
    object_store: Annotated[str, AfterValidator(storage_settings.check_store)] = variable(
        "COPYSTAND_STORE",
        "",
        "Bucket and prefix that hold the objects.",
        read_by="all",
        must_be="empty or s3://bucket/prefix",
        default_text="local disk, in the home",
    )
    s3_allow_http: bool = variable(
        "COPYSTAND_S3_ALLOW_HTTP",
        False,
        "1 permits an endpoint without TLS that is not on this machine.",
        read_by="all",
        must_be="1 or empty",
        default_text="",
    )
    aws_region: str = variable(
        "AWS_REGION",
        storage_settings.DEFAULT_REGION,
        "Region of the bucket.",
        read_by="all",
    )
    s3_endpoint: Annotated[str, AfterValidator(storage_settings.check_endpoint)] = variable(
        "COPYSTAND_S3_ENDPOINT",
        "",
        "Address of the S3 service.",
        read_by="all",
        must_be="https://host:port",
        default_text="`https://s3.REGION.amazonaws.com`",
    )
    aws_access_key_id: Annotated[str, AfterValidator(storage_settings.check_key)] = variable(
        "AWS_ACCESS_KEY_ID",
        "",
        "Access key. COPYSTAND_STORE needs it.",
        read_by="all",
    )
    aws_secret_access_key: Annotated[str, AfterValidator(storage_settings.check_key)] = variable(
        "AWS_SECRET_ACCESS_KEY",
        "",
        "Secret of the access key. COPYSTAND_STORE needs it.",
        read_by="all",
        secret=True,
    )
    aws_session_token: str = variable(
        "AWS_SESSION_TOKEN",
        "",
        "Session token of temporary keys.",
        read_by="all",
        secret=True,
    )
    store_cache_gb: float = variable(
        "COPYSTAND_STORE_CACHE_GB",
        20,
        "Most disk space that local copies of objects in a bucket use. 0: no copies are kept.",
        read_by="worker, station, repository",
        unit="GB",
        ge=0,
    )
    store_cache_folder: Path | None = variable(
        "COPYSTAND_STORE_CACHE_FOLDER",
        None,
        "Folder of the local copies. Several homes of one user on a machine may share it.",
        read_by="worker, station, repository",
        default_text="`cache/store` in the home",
    )
