"""Trains all models: `python -m training`."""

from training import writing

writing.main()
