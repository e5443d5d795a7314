"""XML that attacks its reader, or is broken: as a record of an item, and as a page's text."""

from collections.abc import Iterator

from tests.hostile.case import Hostile

MODS = '<mods xmlns="http://www.loc.gov/mods/v3" version="3.8"><titleInfo><title>{}</title></titleInfo></mods>'
METS = '<mets:mets xmlns:mets="http://www.loc.gov/METS/"><mets:dmdSec ID="{}"/></mets:mets>'
DC = (
    '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{}</dc:title></oai_dc:dc>'
)
ALTO = (
    '<alto xmlns="http://www.loc.gov/standards/alto/ns-v3#"><Layout><Page ID="p" PHYSICAL_IMG_NR="1"'
    ' WIDTH="64" HEIGHT="48"><PrintSpace><TextBlock ID="b"><TextLine><String CONTENT="{}"/>'
    "</TextLine></TextBlock></PrintSpace></Page></Layout></alto>"
)
FORMS = {"mods": MODS, "mets": METS, "dc": DC, "alto": ALTO}
LAUGHS = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(10)
)
PROLOGS = {
    "XXE": ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', "&e;"),
    "XXE over the network": ('<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:9/">]>', "&e;"),
    "outside parameter entity": (
        '<!DOCTYPE x [<!ENTITY % e SYSTEM "file:///etc/passwd"> %e;]>',
        "t",
    ),
    "outside DTD": ('<!DOCTYPE x SYSTEM "file:///dev/zero">', "t"),
    "empty DOCTYPE": ("<!DOCTYPE x>", "t"),
    "a billion laughs": (f"<!DOCTYPE x [{LAUGHS}]>", "&l9;"),
    "quadratic": (f'<!DOCTYPE x [<!ENTITY a "{"a" * 50_000}">]>', "&a;" * 5_000),
    "entity that is itself": ('<!DOCTYPE x [<!ENTITY a "&b;"><!ENTITY b "&a;">]>', "&a;"),
    "unknown entity": ("", "&nobody;"),
}


def documents() -> Iterator[Hostile]:
    """All of them, the same every time."""
    for form, template in FORMS.items():
        kinds = ("hostile text", "odd text") if form == "alto" else ("hostile record", "odd record")
        file = f"{form}.xml"
        for name, (prolog, text) in PROLOGS.items():
            content = (prolog + template.format(text)).encode()
            yield Hostile(kinds[0], f"{form}, {name}", content, file)
        for name, content in _broken(template):
            yield Hostile(kinds[0], f"{form}, {name}", content, file)
        for name, content in _odd(template):
            yield Hostile(kinds[1], f"{form}, {name}", content, file)
    blocks = '<TextBlock ID="b">' * 200 + "</TextBlock>" * 200
    nested = ALTO.replace('<TextBlock ID="b">', '<TextBlock ID="b">' * 200)
    nested = nested.replace("</TextBlock>", "</TextBlock>" * 200)
    yield Hostile(
        "odd text", "alto, blocks within blocks", nested.format("word " * 2000).encode(), "alto.xml"
    )
    circle = ALTO.format("w").replace('ID="b"', 'ID="b" IDNEXT="b"')
    yield Hostile("odd text", "alto, a block that follows itself", circle.encode(), "alto.xml")
    empty = ALTO.replace('<TextBlock ID="b">', blocks + '<TextBlock ID="b">').format("w")
    yield Hostile("odd text", "alto, empty blocks", empty.encode(), "alto.xml")
    for size in ("1e308", "-5", "NaN", "inf", "9" * 400):
        odd = ALTO.format("w").replace('WIDTH="64"', f'WIDTH="{size}"')
        yield Hostile("odd text", f"alto, width {size[:8]}", odd.encode(), "alto.xml")


def _broken(template: str) -> Iterator[tuple[str, bytes]]:
    whole = template.format("text").encode()
    yield "nested 5,000 deep", (b"<a>" * 5_000 + b"</a>" * 5_000)
    yield "nested deep inside", template.format("<a>" * 400 + "</a>" * 400).encode()
    yield "cut", whole[: len(whole) // 2]
    yield "cut in a tag", whole[:-3]
    yield "NUL inside", whole.replace(b"text", b"te\0xt").replace(b'ID="', b'ID="\0')
    yield "control character", template.format("\x01").encode()
    yield "no UTF-8", template.format("t").encode() + b"<!-- \xff\xfe -->\xff"
    yield "claims UTF-16", b'<?xml version="1.0" encoding="UTF-16"?>' + b"\xff\xfe" + whole
    yield "unknown encoding", b'<?xml version="1.0" encoding="x-nobody"?>' + whole
    yield "two roots", whole + whole
    yield "unbound prefix", b"<nobody:root/>"
    yield "attribute twice", b'<a b="1" b="2"/>'
    yield "binary", bytes(range(256)) * 8


def _odd(template: str) -> Iterator[tuple[str, bytes]]:
    yield (
        "an attribute of 1 MB",
        template.format("t")
        .replace("version=", "x=")
        .replace(">", f' long="{"a" * 1_000_000}">', 1)
        .encode(),
    )
    yield "a text of 1 MB", template.format("t" * 1_000_000).encode()
    yield "markup in its text", template.format("&lt;script&gt;alert(1)&lt;/script&gt;").encode()
    yield "UTF-16", template.format("t").encode("utf-16")
    yield "a byte order mark", b"\xef\xbb\xbf" + template.format("t").encode()
    yield "20,000 comments", ("<!-- -->" * 20_000 + template.format("t")).encode()
    yield "processing instructions", ("<?php x ?>" * 1_000 + template.format("t")).encode()
    yield "text of right-to-left marks", template.format("\u202e\u200f\ufeff" * 50).encode()
