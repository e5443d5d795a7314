"""The contract: what messages say, how they are named and written. Imports nothing of ours."""
