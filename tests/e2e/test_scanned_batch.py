"""From a scanner to a package: pages of SANE's test device, by the commands alone."""

from hashlib import sha256
from pathlib import Path

from tests.support.running_line import Line

BATCH = "scanned-1"
SCAN = ("station", "scan", "--profile", "as-delivered", "--no-prompt", "--resolution", "100")


def test_scanned_pages_are_packaged_and_their_captures_are_in_the_log(line: Line, tmp_path: Path):
    scan = (*SCAN, "--batch-id", BATCH, "--item", "ms-17", "--device", "test:0", "--pages", "2")
    scanned = line.ask(*scan)
    folder = Path(scanned["folder"])

    submitted = line.run(
        "station", "submit", folder, "--batch-id", BATCH, "--wait", "--json"
    ).document

    assert (submitted["state"], submitted["quarantined"]) == ("settled", [])
    package = Path(line.ask("packages", "fetch", "ms-17.v1", tmp_path)["path"])
    masters = {sha256(path.read_bytes()).hexdigest() for path in package.glob("data/master/*")}
    assert masters == {page["sha256"] for page in scanned["pages"]}
    logged = str(line.ask("audit", "batch", BATCH))
    for record in folder.glob("ms-17/*.capture.json"):
        assert sha256(record.read_bytes()).hexdigest() in logged
