"""What models say about pages: suggestions, never waited for, never taken as true."""
