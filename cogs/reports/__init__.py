"""What admins look up: health, statistics, sessions, the audit log, coaches."""
