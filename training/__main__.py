"""Trains all models: `python -m training`."""

from training import figures, writing

writing.main()
figures.main()
