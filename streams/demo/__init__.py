"""The demo: a generated collection with its ground truth, and the report of its run."""
