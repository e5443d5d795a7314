"""A client of schema registries: Confluent's API v1, and Apicurio's own for what that lacks."""

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

SECONDS = 30.0
JSON = "application/vnd.schemaregistry.v1+json"
NOT_FOUND = 404
APICURIO = "/apis/registry/v3"


class RegistryProblem(Exception):
    """A registry does not do what is asked; the code is one of processors/errors/registry.toml."""

    def __init__(self, code: str, found: str) -> None:
        self.code, self.found = code, found
        super().__init__(f"{code}: {found}")


class _NotFound(RegistryProblem):
    """There is nothing at the address."""


@dataclass(frozen=True)
class Registry:
    """A registry at an address, as in the settings of Confluent's clients."""

    address: str
    login: str = ""
    """`user:password`; empty for none."""

    @property
    def _root(self) -> str:
        return self.address.rstrip("/")

    @property
    def apicurio(self) -> str:
        """The root of Apicurio's own API; empty for another registry."""
        head, found, _ = self._root.partition("/apis/ccompat/")
        return head + APICURIO if found else ""

    def check(self) -> None:
        """Raises RegistryProblem if there is no registry at the address."""
        place = f"{self._root}/subjects"
        found = self._get(place)
        if found is None or not found.lstrip().startswith("["):
            raise RegistryProblem("registry.not-reachable", f"{place} has no list of subjects")

    def text(self, schema_id: int) -> str | None:
        """The schema with this id; None if there is none. Raises RegistryProblem.

        Apicurio's form of Confluent's API writes schemas again, in other words; its own API gives
        the bytes that were registered."""
        if self.apicurio:
            return self._get(f"{self.apicurio}/ids/contentIds/{schema_id}")
        found = self._get(f"{self._root}/schemas/ids/{schema_id}")
        return None if found is None else str(json.loads(found)["schema"])

    def versions(self, subject: str) -> dict[int, int]:
        """The id of each version of a subject; empty if it has none. Raises RegistryProblem."""
        base = f"{self._root}/subjects/{quote(subject, safe='')}/versions"
        numbers = json.loads(self._get(base) or "[]")
        return {int(n): int(json.loads(self._get(f"{base}/{n}") or "{}")["id"]) for n in numbers}

    def put(self, path: str, document: object) -> None:
        """Change a setting. Raises RegistryProblem."""
        self._ask("PUT", self._root + path, json.dumps(document).encode(), JSON)

    def post(self, path: str, document: object) -> dict[str, Any]:
        """Add something; its answer. Raises RegistryProblem."""
        body = json.dumps(document).encode()
        answer: dict[str, Any] = json.loads(self._ask("POST", self._root + path, body, JSON))
        return answer

    def delete(self, path: str) -> None:
        """Remove something. Raises RegistryProblem."""
        self._ask("DELETE", self._root + path, None, JSON)

    def import_archive(self, archive: bytes) -> None:
        """Add what an archive of Apicurio has, beside what is there. Raises RegistryProblem."""
        place = f"{self.apicurio}/admin/import?requireEmptyRegistry=false"
        self._ask("POST", place, archive, "application/zip")

    def _get(self, url: str) -> str | None:
        """The answer; None if there is nothing at this address. Raises RegistryProblem."""
        try:
            return self._ask("GET", url, None, JSON)
        except _NotFound:
            return None

    def _ask(self, method: str, url: str, body: bytes | None, media_type: str) -> str:
        headers = {"Content-Type": media_type, "Accept": f"{JSON}, application/json, */*"}
        if self.login:
            headers["Authorization"] = "Basic " + base64.b64encode(self.login.encode()).decode()
        try:
            request = urllib.request.Request(url, data=body, headers=headers, method=method)
            with urllib.request.urlopen(request, timeout=SECONDS) as answered:
                return str(answered.read().decode("utf-8"))
        except urllib.error.HTTPError as refused:
            kind = _NotFound if refused.code == NOT_FOUND else RegistryProblem
            answer = refused.read(200).decode("utf-8", "replace")
            raise kind("registry.refused", f"{method} {url}: {refused.code} {answer}") from None
        except (OSError, ValueError) as failed:
            raise RegistryProblem("registry.not-reachable", f"{method} {url}: {failed}") from None
