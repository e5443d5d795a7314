"""Words, lines and positions, without Tesseract."""

import pytest

from processors.ocr.coordinates import Scale, hocr_for_master, tsv_for_master
from processors.ocr.words import words_of

HEADER = (
    "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
)


def tsv(*words: tuple[str, float, int, int], line: int = 1) -> bytes:
    rows = [
        f"5\t1\t1\t1\t{line}\t{number}\t{left}\t{top}\t10\t5\t{confidence}\t{text}"
        for number, (text, confidence, left, top) in enumerate(words)
    ]
    return "\n".join([HEADER, *rows, ""]).encode()


def test_words_have_text_confidence_position_and_line():
    words = words_of(tsv(('"quoted', 91.5, 3, 4), (" ", 95, 20, 4), ("word", 88.5, 40, 4)))

    assert [word.text for word in words.all] == ['"quoted', "word"]
    assert (words.mean_confidence, words.characters) == (90.0, 11)
    assert (words.all[0].left, words.all[0].right, words.all[0].bottom) == (3, 13, 9)
    assert len(words.lines()) == 1


def test_a_page_without_words_has_no_confidence():
    assert words_of(tsv()).mean_confidence is None


def test_vertical_lines_are_distinguished_from_horizontal_ones():
    assert not words_of(tsv(("a", 90, 0, 0), ("b", 90, 50, 1), ("c", 90, 90, 2))).run_down()
    assert words_of(tsv(("a", 90, 0, 0), ("b", 90, 1, 50), ("c", 90, 2, 90))).run_down()
    assert not words_of(tsv(("spine", 90, 0, 0))).run_down()


@pytest.mark.parametrize(
    "turned, edges",
    [
        (0, (10, 20, 30, 60)),
        (90, (20, 170, 60, 190)),
        (180, (70, 140, 90, 180)),
        (270, (40, 10, 80, 30)),
    ],
)
def test_positions_are_rotated_back(turned: int, edges: tuple[int, int, int, int]):
    # The displayed copy has 100 x 200 pixels, the box is 10, 20 to 30, 60 in the copy as read.
    scale = Scale(100, 200, 100, 200, turned)

    assert scale.edges(10, 20, 30, 60) == edges


def test_positions_are_scaled_after_the_rotation():
    assert Scale(100, 200, 300, 600, 180).box(10, 20, 20, 40) == (210, 420, 60, 120)


def test_no_position_is_outside_the_master():
    assert Scale(100, 200, 50, 100).edges(-5, -5, 120, 230) == (0, 0, 50, 100)


def test_hocr_lines_of_a_rotated_page_have_an_angle_and_no_baseline():
    hocr = (
        b"<span class='ocr_line' title=\"bbox 10 20 30 60; baseline 0.01 -6; x_size 30; "
        b'x_descenders 6; x_ascenders 6">'
    )

    turned = hocr_for_master(hocr, Scale(100, 200, 200, 400, 180), "p.tif").decode()

    assert 'title="bbox 140 280 180 360; textangle 180; x_size 60;' in turned
    assert "baseline" not in turned


def test_hocr_lines_of_an_upright_page_keep_their_baseline():
    hocr = b'<span title="bbox 10 20 30 60; baseline 0.01 -6; x_size 30">'

    assert b"baseline 0.01 -12; x_size 60" in hocr_for_master(hocr, Scale(9, 9, 18, 18), "p")


def test_text_in_tsv_is_unchanged():
    row = tsv(("bbox\t1", 90, 10, 20)).decode()

    turned = tsv_for_master(row.encode(), Scale(100, 200, 100, 200, 180)).decode()

    assert turned.splitlines()[1].endswith("\t80\t175\t10\t5\t90\tbbox\t1")
