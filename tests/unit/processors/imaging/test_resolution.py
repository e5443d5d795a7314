"""A resolution is read in a fixed order, told when in doubt, never guessed."""

from processors.imaging.resolution import Problem, Resolution, choose


def test_takes_exif_before_jfif_when_they_agree():
    chosen = choose([Resolution("jfif", 300, 300), Resolution("exif", 300, 300)])

    assert (chosen.dpi, chosen.source, chosen.problem) == (300, "exif", None)


def test_takes_rounding_for_agreement():
    chosen = choose([Resolution("exif", 300, 300), Resolution("phys", 299.72, 299.72)])

    assert chosen.dpi == 300


def test_takes_none_of_two_that_differ_and_tells_both():
    chosen = choose([Resolution("exif", 300, 300), Resolution("jfif", 72, 72)])

    assert (chosen.dpi, chosen.problem) == (None, Problem.CONFLICTING)
    assert chosen.told == "exif 300 x 300 dpi, jfif 72 x 72 dpi"


def test_takes_none_when_the_axes_differ():
    assert choose([Resolution("tiff", 204, 98)]).problem is Problem.CONFLICTING


def test_says_that_nothing_is_stated():
    assert choose([]).problem is Problem.ABSENT
    assert choose([Resolution("tiff", 0, 0)]).problem is Problem.ABSENT
