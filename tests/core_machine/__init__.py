"""The core of the line under a state machine: real drivers and a real tracker, broker and store in
memory, steps replaced by pure stand-ins."""
