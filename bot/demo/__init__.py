"""The academy in a browser: the real bot against a virtual Discord, with one page around it. Extra `demo`."""
