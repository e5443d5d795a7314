"""Layout version 1 of packages. It does not change any more (docs/decisions/0061)."""
