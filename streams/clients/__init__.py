"""External clients: the station submits batches, the repository fetches packages."""
