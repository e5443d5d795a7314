"""The report on the chain of custody of one item, for readers who are not technicians."""
