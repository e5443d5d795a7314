"""Consumer lag, status, health pages, and the watchdog role."""
