"""Reading XML safely, validating it by schema, and writing it with the same bytes everywhere."""
