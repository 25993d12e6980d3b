"""How compiled networks are run.  Knows arrays only."""
