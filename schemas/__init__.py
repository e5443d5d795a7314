"""The contract: schemas, ids and wire format of messages. It imports no other package."""
