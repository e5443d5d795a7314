"""The cache of a home, and its figures for people and programs."""

from contextlib import suppress
from typing import Any

from streams.settings import Settings
from streams.storage.cache.folder import CacheFolder, CacheUnusable


def cache_of(settings: Settings) -> CacheFolder | None:
    """The folder of the cache; None without one, or with a store on local disk."""
    if settings.s3 is None or not settings.store_cache_bytes:
        return None
    reserve = settings.reserve.size_bytes
    return CacheFolder(settings.store_cache, settings.store_cache_bytes, reserve)


def make_way(settings: Settings, need_bytes: int) -> None:
    """Remove copies when others need space on the disk of the cache."""
    folder = cache_of(settings)
    if folder is not None:
        with suppress(CacheUnusable):  # then there is nothing to remove
            folder.make_way(need_bytes)


def cache_document(settings: Settings) -> dict[str, Any] | None:
    """The figures of the cache since its folder was made; None without one."""
    folder = cache_of(settings)
    if folder is None:
        return None
    about = {"folder": str(folder.root), "limit_bytes": folder.limit_bytes}
    return {**about, **folder.figures().document()}
