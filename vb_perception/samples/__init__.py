"""The recordings that the package carries: `robot_run.mcap`, made by `vb-perception render`."""
