"""What every other package builds on: errors, the clock, members, locks, the audit log."""
