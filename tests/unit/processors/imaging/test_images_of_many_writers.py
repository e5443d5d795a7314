"""A sample of `make images`: intact images of many writers are accepted, holes in them are not."""

from tests.images.run import judge
from tests.images.writers import available, kinds

SAMPLE = 45


def test_intact_images_are_accepted_and_holes_are_found():
    some = [kind for kind in kinds() if available(kind)][::2]

    figures = judge(SAMPLE, SAMPLE, seed=5, some=some)

    assert (figures.refused, figures.silent) == ([], [])
    assert figures.sound > 30
    assert figures.holes == SAMPLE
    assert len(figures.writers) >= 5
