"""How a step runs: driver, receipts, facts, retry policy."""
