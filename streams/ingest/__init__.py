"""The role that accepts uploads of stations by HTTP (tus 1.0), and proves who uploaded what."""
