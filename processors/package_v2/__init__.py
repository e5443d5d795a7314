"""Layout version 2 of packages."""
