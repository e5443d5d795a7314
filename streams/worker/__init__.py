"""The worker role: runs steps in a pool of child processes."""
