"""RGB is the wire format: physical quantity <-> colour."""
