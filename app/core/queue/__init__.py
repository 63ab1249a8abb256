"""What runs outside a request: the way out of the outbox, workers, schedules, dead letters."""
