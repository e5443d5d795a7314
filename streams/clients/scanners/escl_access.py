"""How a network scanner is reached that has a login or a certificate signed by itself."""

import hashlib
import re
import secrets
import ssl
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from streams.clients.scanners.scanner_driver import ScannerProblem

PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\s,]+))')
ALGORITHMS = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
SESSION = "-SESS"


@dataclass(frozen=True)
class Access:
    """What a station knows of the network scanners of its lab."""

    login: str = field(default="", repr=False)
    """User and password, with a colon between; empty: none."""
    certificates: Path | None = None
    """PEM file of the certificates that are trusted, in the place of those of the system."""

    def tls(self) -> ssl.SSLContext:
        """The context of a connection. Raises ScannerProblem for an unusable file."""
        if self.certificates is None:
            return ssl.create_default_context()
        try:
            context = ssl.create_default_context(cafile=str(self.certificates))
        except (OSError, ssl.SSLError) as wrong:
            found = f"{self.certificates}: {wrong}"
            raise ScannerProblem("scanner.access-denied", found) from wrong
        # Devices are asked by address, and their certificates name something else or nothing. What
        # counts is that the certificate is one of the file.
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # Newer versions of Python demand extensions that devices leave out.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def answer(self, asked: Sequence[str], method: str, path: str) -> str | None:
        """The header Authorization for what a device asks, or None without a login for it
        (RFC 7616 and 7617)."""
        if not self.login:
            return None
        schemes = {one.partition(" ")[0].casefold(): one.partition(" ")[2] for one in asked}
        if "digest" in schemes:
            answer = self._digest(schemes["digest"], method, path)
            if answer is not None:
                return answer
        if "basic" in schemes:
            return f"Basic {b64encode(self.login.encode()).decode()}"
        return None

    def _digest(self, asked: str, method: str, path: str) -> str | None:
        given = {
            name.casefold(): quoted or plain for name, quoted, plain in PARAMETER.findall(asked)
        }
        algorithm = given.get("algorithm", "MD5")
        name = algorithm.upper().removesuffix(SESSION)
        qualities = [one.strip() for one in given.get("qop", "").split(",") if one.strip()]
        if name not in ALGORITHMS or (qualities and "auth" not in qualities):
            return None

        def digest(*parts: str) -> str:
            return ALGORITHMS[name](":".join(parts).encode()).hexdigest()

        user, _, password = self.login.partition(":")
        realm, nonce = given.get("realm", ""), given.get("nonce", "")
        once, count = secrets.token_hex(8), "00000001"
        secret = digest(user, realm, password)
        if algorithm.upper().endswith(SESSION):
            secret = digest(secret, nonce, once)
        of_request = digest(method, path)
        parts = (nonce, count, once, "auth", of_request) if qualities else (nonce, of_request)
        fields = {
            "username": user,
            "realm": realm,
            "nonce": nonce,
            "uri": path,
            "response": digest(secret, *parts),
            "opaque": given.get("opaque"),
            "cnonce": once if qualities else None,
        }
        shown = [f'{key}="{value}"' for key, value in fields.items() if value is not None]
        shown += [f"algorithm={algorithm}"] if "algorithm" in given else []
        shown += ["qop=auth", f"nc={count}"] if qualities else []
        return f"Digest {', '.join(shown)}"


OPEN = Access()
"""For devices that ask for nothing."""
