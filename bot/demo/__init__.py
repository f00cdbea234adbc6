"""The demo: the real bot on a simulated Discord, with a page around it. Needs the extra `demo`."""
