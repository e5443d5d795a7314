"""When the processes of the line in one process die."""

AT_ONCE = 4
"""Messages of a step that are in work side by side; the last one ends first."""
PORTION, WHOLE = 6, 500
"""Messages of a turn of the tracker, and of its first after a start."""
MOST_ROUNDS = 80
MOST_DEATHS = 20
LOOK_EVERY_SECONDS = 0.002
DEATHS = {
    "worked": {3, 12, 25},
    "committed": {2, 9, 22, 40},
    "deciding": {2, 6, 11},
    "decided": {4, 9, 13, 17, 22, 28},
    "relaying": {3, 9},
    "relayed": {5},
}
"""At which turn of which moment a process dies: told and not committed; committed with other work
open; before the tracker's commit; before its relay; before the broker has it; after all of it."""
OUTAGE, SURPRISE, ZOMBIE = 3, 7, 3
"""Which work that is alone meets a broker that is away, and which a fault of the client; and which
transaction of the sealer is overtaken by another sealer."""


class Died(BaseException):
    """A process has ended at once."""
