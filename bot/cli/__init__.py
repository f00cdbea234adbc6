"""The operator's command line: what each command does, and how it exits."""
