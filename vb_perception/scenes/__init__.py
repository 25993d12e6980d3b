"""Where truth comes from."""
