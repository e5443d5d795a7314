"""How the work runs: driver, roles, storage, clients and the command line."""
