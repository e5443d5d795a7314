"""Trains all models: `python -m bench.training`."""

from bench.training import figures, writing

writing.main()
figures.main()
