"""Local copies of objects in a bucket, shared by all processes of a machine."""
