"""The process behind `up`: starts, restarts and ends all parts of a home."""
