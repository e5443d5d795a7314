"""What a record states about its object, in every form of record that archives deliver."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.record_fields import fields_of
from processors.record_statements import RecordFields
from tests.support.corpora import corpus

MODS = '<mods xmlns="http://www.loc.gov/mods/v3">{}</mods>'
DC = '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/">{}</oai_dc:dc>'
MARC = '<record xmlns="http://www.loc.gov/MARC21/slim"><leader>00000nam</leader>{}</record>'
TITLE = "<titleInfo><title>The ledger</title></titleInfo>"


def of(text: str, encoding: str = "utf-8") -> RecordFields:
    return fields_of(text.encode(encoding))


def test_mods_states_title_language_script_and_identifiers():
    fields = of(
        MODS.format(
            "<titleInfo type='uniform'><title>Ledger</title></titleInfo>"
            "<titleInfo><nonSort>The</nonSort><title>ledger</title><subTitle>of 1709</subTitle>"
            "<partNumber>2</partNumber></titleInfo>"
            "<language objectPart='summary'><languageTerm type='code'>eng</languageTerm></language>"
            "<language><languageTerm type='text'>German</languageTerm>"
            "<languageTerm type='code' authority='iso639-2b'>ger</languageTerm>"
            "<scriptTerm type='code'>Latf</scriptTerm></language>"
            "<identifier type='urn'>urn:nbn:x</identifier>"
            "<identifier invalid='yes'>wrong</identifier>"
            "<recordInfo><recordIdentifier source='gvk-ppn'>123</recordIdentifier></recordInfo>"
        )
    )

    assert fields.title == "The ledger : of 1709. 2"
    assert (fields.languages, fields.script) == (("ger",), "Latf")
    assert fields.identifiers == (("urn", "urn:nbn:x"), ("gvk-ppn", "123"))


def test_an_elided_article_is_not_separated():
    fields = of(MODS.format("<titleInfo><nonSort>L'</nonSort><title>art</title></titleInfo>"))

    assert fields.title == "L'art"


@pytest.mark.parametrize(
    ("stated", "codes", "script"),
    [
        ("ger", ("ger",), None),
        ("de", ("deu",), None),
        ("de-Latf", ("deu",), "Latf"),
        ("http://id.loc.gov/vocabulary/iso639-2/fre", ("fre",), None),
        ("und", (), None),
    ],
)
def test_languages_are_read_in_every_form_of_code(
    stated: str, codes: tuple[str, ...], script: str | None
):
    fields = of(DC.format(f"<dc:language>{stated}</dc:language>"))

    assert (fields.languages, fields.script, fields.unknown_languages) == (codes, script, ())


def test_a_language_that_is_not_a_code_is_reported_and_not_guessed():
    fields = of(DC.format("<dc:language>Deutsch</dc:language>"))

    assert (fields.languages, fields.unknown_languages) == ((), ("Deutsch",))


def test_marc_states_title_language_and_identifiers():
    fields = of(
        MARC.format(
            '<controlfield tag="001">77</controlfield>'
            f'<controlfield tag="008">{"x" * 35}lat d</controlfield>'
            '<datafield tag="245"><subfield code="a">\u0098Der\u009c Brief :</subfield>'
            '<subfield code="b">an alle /</subfield><subfield code="c">N. N.</subfield></datafield>'
        )
    )

    assert (fields.title, fields.languages) == ("Der Brief : an alle", ("lat",))
    assert fields.identifiers == (("control number", "77"),)


def test_marc_with_several_languages_in_one_subfield():
    field = '<datafield tag="041"><subfield code="a">engfre</subfield></datafield>'

    assert of(MARC.format(field)).languages == ("eng", "fre")


@pytest.mark.parametrize(
    "record",
    [
        '<ead xmlns="urn:isbn:1-931666-22-9"><archdesc><did><unittitle>The ledger</unittitle>'
        "<unitid>B 17</unitid></did></archdesc></ead>",
        '<ead xmlns="http://ead3.archivists.org/schema/"><archdesc><did><unitid>B 17</unitid>'
        "<unittitle>The <emph>ledger</emph></unittitle></did></archdesc></ead>",
        '<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt>'
        "<title>The ledger</title></titleStmt><publicationStmt><idno>B 17</idno></publicationStmt>"
        "</fileDesc></teiHeader></TEI>",
        f"<mods>{TITLE}<identifier>B 17</identifier></mods>",
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><GetRecord><record><metadata>'
        + DC.format("<dc:title>The ledger</dc:title><dc:identifier>B 17</dc:identifier>")
        + "</metadata></record></GetRecord></OAI-PMH>",
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The ledger</dc:title>'
        "<dc:identifier>B 17</dc:identifier></metadata>",
    ],
)
def test_title_and_identifier_are_read_from_every_known_form(record: str):
    fields = of(record)

    assert fields.title == "The ledger"
    assert [value for _, value in fields.identifiers] == ["B 17"]


def test_nothing_is_read_from_a_collection_of_several_records():
    two = MODS.format(TITLE) * 2

    assert of(f"<modsCollection>{two}</modsCollection>") == RecordFields(several=True)


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "big5", "utf-16"])
def test_records_in_east_asian_encodings_are_read(encoding: str):
    record = f'<?xml version="1.0" encoding="{encoding}"?>' + MODS.format(
        "<titleInfo><title>日本</title></titleInfo>"
    )

    assert of(record, encoding).title == "日本"


@given(st.binary(max_size=200))
def test_any_bytes_give_fields(content: bytes):
    assert isinstance(fields_of(content), RecordFields)


def test_a_mets_states_what_the_record_of_its_item_states():
    folder = corpus("mets-vd18")

    monograph = fields_of((folder / "k2_mets_vd18_058141367.xml").read_bytes())
    issue = fields_of((folder / "k3_300896638-18490701.xml").read_bytes())

    assert (monograph.title or "").startswith("Magnifici Ictorvm Ordinis")
    assert (monograph.languages, ("vd18", "10729844") in monograph.identifiers) == (("lat",), True)
    assert (issue.title, issue.languages, issue.script) == ("Der Reichs-Adler", ("ger",), "Latf")


def test_a_volume_without_a_title_has_that_of_the_work():
    fields = fields_of((corpus("mets-vd18") / "k2_mets_vd18_153142537.xml").read_bytes())

    assert fields.title == "Geister, Zauber, Hexen- und Kobolds-Geschichten"


LIDO = """<lido:lido xmlns:lido="http://www.lido-schema.org">
<lido:lidoRecID lido:type="local">O-1</lido:lidoRecID>
<lido:descriptiveMetadata xml:lang="de"><lido:objectIdentificationWrap>
<lido:titleWrap><lido:titleSet><lido:appellationValue>Zettel</lido:appellationValue>
<lido:appellationValue lido:pref="preferred">Zettelkasten</lido:appellationValue></lido:titleSet>
</lido:titleWrap><lido:repositoryWrap><lido:repositorySet><lido:workID>Inv. 7</lido:workID>
</lido:repositorySet></lido:repositoryWrap></lido:objectIdentificationWrap>
</lido:descriptiveMetadata></lido:lido>"""


def test_lido_states_the_preferred_title_and_identifiers_but_no_language_of_the_object():
    fields = of(LIDO)

    assert (fields.title, fields.languages) == ("Zettelkasten", ())
    assert fields.identifiers == (("lidoRecID", "O-1"), ("workID", "Inv. 7"))


def test_several_objects_in_lido_state_nothing():
    assert of(f"<lidoWrap>{LIDO}{LIDO}</lidoWrap>").several


def test_unimarc_states_title_language_and_control_number():
    fields = of(
        '<record xmlns="info:lc/xmlns/marcxchange-v2" format="Unimarc">'
        '<controlfield tag="001">FRBNF1</controlfield>'
        '<datafield tag="200" ind1="1" ind2=" "><subfield code="a">Le registre</subfield>'
        '<subfield code="e">de 1709</subfield></datafield>'
        '<datafield tag="101" ind1="0" ind2=" "><subfield code="a">fre</subfield></datafield>'
        "</record>"
    )

    assert (fields.title, fields.languages) == ("Le registre : de 1709", ("fre",))
    assert fields.identifiers == (("control number", "FRBNF1"),)


GOOBI = """<{0}:{0} xmlns:{0}="http://meta.{0}.org/v1/">
<{0}:metadata name="TitleDocMain">Das Register</{0}:metadata>
<{0}:metadata name="DocLanguage">ger</{0}:metadata>
<{0}:metadata name="CatalogIDDigital">PPN123</{0}:metadata></{0}:{0}>"""


@pytest.mark.parametrize("program", ["goobi", "kitodo"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_internal_metadata_of_goobi_and_kitodo_are_read(program: str, wrapped: bool):
    inner = GOOBI.format(program)
    record = MODS.format(f"<extension>{inner}</extension>") if wrapped else inner

    fields = of(record)

    assert (fields.title, fields.languages) == ("Das Register", ("ger",))
    assert fields.identifiers == (("CatalogIDDigital", "PPN123"),)
