"""The shipped model: `default/`, as `vb-perception export` writes it."""
