"""The waiting list: `Tell me when…`, offers, and what somebody waits for."""
