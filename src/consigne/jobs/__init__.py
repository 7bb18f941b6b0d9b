"""LATER: what happens after the answer. Jobs use the core; the core never calls a job."""
