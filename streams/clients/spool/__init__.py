"""The spool of a station: deliveries and records that leave when broker and store are there."""
