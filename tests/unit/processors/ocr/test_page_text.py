"""The text of an ALTO page with its positions."""

from processors.ocr.page_text import Box, page_text
from tests.support.alto_pages import NS4, alto_page, block, root_of

SIZE = (800, 900)


def of(*blocks: str) -> object:
    return page_text(root_of(alto_page(blocks)), SIZE)


def test_words_are_in_reading_order_with_their_boxes():
    text = of(block("a", ["Der Fuchs", "springt"], 100, 50))

    assert list(text.words()) == ["Der", "Fuchs", "springt"]
    assert text.blocks[0].lines[0][1].box == Box(175, 50, 100, 40)
    assert (text.width, text.height) == (1000, 1400)


def test_blocks_follow_idnext():
    second = block("b", ["zweiter"], 0, 0)
    first = block("a", ["erster"], 0, 0).replace('ID="a"', 'ID="a" IDNEXT="b"')

    assert list(of(second, first).words()) == ["erster", "zweiter"]


def test_a_hyphen_belongs_to_the_last_word():
    line = '<TextBlock ID="a"><TextLine><String CONTENT="Ver"/><HYP CONTENT="⸗"/></TextLine></TextBlock>'

    assert list(of(line).words()) == ["Ver⸗"]


def test_a_string_of_several_words_is_divided():
    line = (
        '<TextBlock ID="a"><TextLine><String CONTENT=" zwei  Wo " HPOS="10" VPOS="20" '
        'WIDTH="80" HEIGHT="30"/></TextLine></TextBlock>'
    )

    words = of(line).blocks[0].lines[0]

    assert [word.text for word in words] == ["zwei", "Wo"]
    assert words[0].box == Box(10, 20, 50, 30)
    assert words[1].box == Box(60, 20, 30, 30)


def test_words_without_position_share_that_of_their_block():
    text = of(
        '<TextBlock ID="a" HPOS="100" VPOS="200" WIDTH="300" HEIGHT="100">'
        '<TextLine><String CONTENT="ab"/></TextLine>'
        '<TextLine><String CONTENT="ab"/><String CONTENT="cd"/></TextLine></TextBlock>'
    )

    (first,), (second, third) = text.blocks[0].lines
    assert first.box == Box(100, 200, 300, 50)
    assert second.box == Box(100, 250, 150, 50)
    assert third.box == Box(250, 250, 150, 50)


def test_a_page_without_size_has_that_of_the_image():
    root = root_of(
        f'<alto xmlns="{NS4}"><Layout><Page><PrintSpace><TextBlock><TextLine>'
        '<String CONTENT="a" WIDTH="NaN"/></TextLine></TextBlock></PrintSpace></Page></Layout></alto>'.encode()
    )

    text = page_text(root, SIZE)

    assert (text.width, text.height) == (None, None)
    assert text.blocks[0].lines[0][0].box == Box(0, 0, 800, 900)


def test_only_blocks_that_the_alto_tags_are_headings():
    tagged = block("a", ["Erstes Buch"], 0, 0).replace('ID="a"', 'ID="a" TAGREFS="t1 t2"')
    content = alto_page([tagged, block("b", ["Text"], 0, 90)]).replace(
        b"<Layout>",
        b'<Tags><LayoutTag ID="t1" LABEL="x"/><StructureTag ID="t2" LABEL="Heading"/></Tags><Layout>',
    )

    text = page_text(root_of(content), SIZE)

    assert [one.heading for one in text.blocks] == [True, False]


def test_blocks_without_words_are_left_out():
    empty = '<TextBlock ID="e"><TextLine><String CONTENT=" "/></TextLine></TextBlock>'

    assert of(empty).blocks == ()
