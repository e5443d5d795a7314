"""The cache of a home: where it is, whether there is one, and its figures."""

from pathlib import Path

from streams.settings import Settings
from streams.storage.cache.home_cache import cache_document, cache_of

S3 = {
    "COPYSTAND_STORE": "s3://bucket/prefix",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def test_the_settings_say_where_the_cache_is_and_whether_there_is_one(tmp_path: Path):
    home = {"COPYSTAND_HOME": str(tmp_path)}
    assert cache_of(Settings.load(home)) is None
    assert cache_of(Settings.load({**home, **S3, "COPYSTAND_STORE_CACHE_GB": "0"})) is None

    usual = cache_of(Settings.load({**home, **S3, "COPYSTAND_STORE_CACHE_GB": "0.5"}))
    elsewhere = cache_of(Settings.load({**home, **S3, "COPYSTAND_STORE_CACHE_FOLDER": "/srv/x"}))

    assert usual is not None and elsewhere is not None
    assert (usual.root, usual.limit_bytes) == (tmp_path / "cache" / "store", 500_000_000)
    assert elsewhere.root == Path("/srv/x")


def test_the_figures_name_folder_limit_and_hit_rate(tmp_path: Path):
    settings = Settings.load({"COPYSTAND_HOME": str(tmp_path), **S3})
    folder = cache_of(settings)
    assert folder is not None
    folder.count(hits=3, misses=1)

    found = cache_document(settings)

    assert found == {
        "folder": str(tmp_path / "cache" / "store"),
        "limit_bytes": 20_000_000_000,
        "used_bytes": 0,
        "hits": 3,
        "misses": 1,
        "evictions": 0,
        "damaged": 0,
        "left_over": 0,
        "hit_rate": 0.75,
    }


def test_a_store_on_local_disk_has_no_figures(tmp_path: Path):
    assert cache_document(Settings.load({"COPYSTAND_HOME": str(tmp_path)})) is None
