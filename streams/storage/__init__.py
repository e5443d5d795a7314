"""The stores: local disk, an S3 bucket, and memory for tests."""
