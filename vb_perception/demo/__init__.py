"""The demo: three real processes on one machine, and a page that shows what came of it."""
