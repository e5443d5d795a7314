"""Model-based test of the core: real drivers and a real tracker, with broker and store in memory, and
pure functions in place of the steps."""
