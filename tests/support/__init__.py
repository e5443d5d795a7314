"""What tests share: builders, sample material, running lines, checkers."""
