"""Pure functions that read what people type: hours, dates, durations and money."""
