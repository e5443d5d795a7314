"""Programs of other people that judge packages."""
