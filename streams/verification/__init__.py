"""Proofs for auditors: verification, exports and the witness of the sealed log."""
