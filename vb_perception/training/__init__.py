"""How the generator learns: true targets through the project's own codecs."""
