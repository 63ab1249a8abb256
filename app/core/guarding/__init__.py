"""Behind the guards: tokens, whether a session lives, and the counters of the limits."""
