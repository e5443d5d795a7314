"""`python -m streams.cli` is `copystand`."""

from streams.cli.main import main

main()
