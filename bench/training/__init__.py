"""Trains the models of `processors/enrich` from labelled pages; a line does not import it."""
