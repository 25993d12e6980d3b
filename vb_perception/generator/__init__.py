"""The image model: one step, one graph, torch and diffusers.  The node never imports this room."""
