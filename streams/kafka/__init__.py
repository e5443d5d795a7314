"""The Kafka plumbing: clients, messages, consumers, producers."""
