"""The `coachbot` command: its subcommands and their exit codes."""
