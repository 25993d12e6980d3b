"""How well it sees: bags in, the same pipeline or a recording of it, scores and a report out."""
