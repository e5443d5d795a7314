"""The process behind `copystand up`: starts, restarts and stops all processes of a home."""
