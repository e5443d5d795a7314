"""Finds network scanners that announce themselves by multicast DNS (DNS-SD)."""

import time
from collections.abc import Mapping
from typing import Any

from streams.clients.scanners.scanner_driver import ScannerProblem

SERVICES = {"_uscan._tcp.local.": "http", "_uscans._tcp.local.": "https"}
USUAL_ROOT = "eSCL"
USUAL_PORTS = {"http": 80, "https": 443}


def find_services(seconds: float) -> list[str]:
    """Addresses of the scanners that answer within this time. Raises ScannerProblem."""
    try:
        from zeroconf import ServiceBrowser, Zeroconf
    except ImportError as missing:
        found = "the package zeroconf is not installed; devices can be named by address"
        raise ScannerProblem("scanner.driver-missing", found, install="zeroconf") from missing
    names: set[tuple[str, str]] = set()

    def changed(service_type: str, name: str, **_: Any) -> None:
        names.add((service_type, name))

    try:
        zeroconf = Zeroconf()
    except OSError as failed:
        found = f"this machine cannot use multicast: {failed}"
        raise ScannerProblem("scanner.io-failed", found) from failed
    try:
        ServiceBrowser(zeroconf, list(SERVICES), handlers=[changed])
        time.sleep(seconds)
        infos = [
            (kind, zeroconf.get_service_info(kind, name, timeout=1000))
            for kind, name in sorted(names)
        ]
    finally:
        zeroconf.close()
    addresses = [
        address_of(SERVICES[kind], info.parsed_addresses(), info.port, info.properties)
        for kind, info in infos
        if info is not None and info.parsed_addresses()
    ]
    return sorted(set(addresses))


def address_of(
    scheme: str, hosts: list[str], port: int | None, texts: Mapping[bytes, bytes | None]
) -> str:
    """The address of a device from its announcement."""
    host = next((one for one in hosts if ":" not in one), f"[{hosts[0]}]")
    root = (texts.get(b"rs") or USUAL_ROOT.encode()).decode("utf-8", "replace").strip("/")
    place = host if port in (None, USUAL_PORTS[scheme]) else f"{host}:{port}"
    return f"{scheme}://{place}/{root}"
