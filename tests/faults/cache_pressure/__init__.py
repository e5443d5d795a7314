"""Two workers read many more masters than their cache has space for, and are killed meanwhile."""
