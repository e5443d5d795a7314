"""A resolution is taken from consistent statements only."""

from processors.imaging.resolution import Problem, StatedResolution, agreed_resolution


def test_exif_precedes_jfif_if_they_agree():
    resolution = agreed_resolution(
        [StatedResolution("jfif", 300, 300), StatedResolution("exif", 300, 300)]
    )

    assert (resolution.dpi, resolution.source, resolution.problem) == (300, "exif", None)


def test_statements_may_differ_by_rounding():
    resolution = agreed_resolution(
        [StatedResolution("exif", 300, 300), StatedResolution("phys", 299.72, 299.72)]
    )

    assert resolution.dpi == 300


def test_conflicting_statements_give_no_resolution_and_are_listed():
    resolution = agreed_resolution(
        [StatedResolution("exif", 300, 300), StatedResolution("jfif", 72, 72)]
    )

    assert (resolution.dpi, resolution.problem) == (None, Problem.CONFLICTING)
    assert resolution.text == "exif 300 x 300 dpi, jfif 72 x 72 dpi"


def test_different_axes_are_both_kept():
    resolution = agreed_resolution([StatedResolution("tiff", 204, 98)])

    assert (resolution.dpi, resolution.vertical_dpi) == (204, 98)
    assert resolution.problem is Problem.NOT_SQUARE


def test_axes_that_differ_too_much_give_no_resolution():
    resolution = agreed_resolution([StatedResolution("tiff", 300, 72)])

    assert (resolution.dpi, resolution.problem) == (None, Problem.CONFLICTING)


def test_an_absent_resolution_is_reported():
    assert agreed_resolution([]).problem is Problem.ABSENT
    assert agreed_resolution([StatedResolution("tiff", 0, 0)]).problem is Problem.ABSENT
