"""The demonstration: a collection that makes itself, with its ground truth."""
