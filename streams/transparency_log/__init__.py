"""The audit log as a transparency log: tree, tiles, signed checkpoints, proofs, verifier."""
