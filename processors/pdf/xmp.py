"""Makes the XMP of a PDF/A-2u file."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from processors.xml.writing import readable

PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
  <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
        xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
      <pdfaid:part>2</pdfaid:part>
      <pdfaid:conformance>U</pdfaid:conformance>
      <dc:format>application/pdf</dc:format>
      <dc:identifier>{identifier}</dc:identifier>
      <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
{languages}    </rdf:Description>
  </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def xmp(identifier: str, title: str, languages: Sequence[str]) -> bytes:
    """The packet with conformance, identifier, title and languages (ISO 19005-2, 6.6).

    It has no dates, because the file depends on its content only."""
    items = "".join(f"<rdf:li>{escape(language)}</rdf:li>" for language in languages)
    bag = f"      <dc:language><rdf:Bag>{items}</rdf:Bag></dc:language>\n" if items else ""
    return PACKET.format(
        identifier=escape(readable(identifier)), title=escape(readable(title)), languages=bag
    ).encode()
