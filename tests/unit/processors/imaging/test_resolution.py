"""A resolution is read in a fixed order, told when in doubt, never guessed."""

from processors.imaging.resolution import Problem, StatedResolution, agreed_resolution


def test_takes_exif_before_jfif_when_they_agree():
    resolution = agreed_resolution(
        [StatedResolution("jfif", 300, 300), StatedResolution("exif", 300, 300)]
    )

    assert (resolution.dpi, resolution.source, resolution.problem) == (300, "exif", None)


def test_takes_rounding_for_agreement():
    resolution = agreed_resolution(
        [StatedResolution("exif", 300, 300), StatedResolution("phys", 299.72, 299.72)]
    )

    assert resolution.dpi == 300


def test_takes_none_of_two_that_differ_and_tells_both():
    resolution = agreed_resolution(
        [StatedResolution("exif", 300, 300), StatedResolution("jfif", 72, 72)]
    )

    assert (resolution.dpi, resolution.problem) == (None, Problem.CONFLICTING)
    assert resolution.text == "exif 300 x 300 dpi, jfif 72 x 72 dpi"


def test_takes_none_when_the_axes_differ():
    assert agreed_resolution([StatedResolution("tiff", 204, 98)]).problem is Problem.CONFLICTING


def test_says_that_nothing_is_stated():
    assert agreed_resolution([]).problem is Problem.ABSENT
    assert agreed_resolution([StatedResolution("tiff", 0, 0)]).problem is Problem.ABSENT
