"""The processes' work: each worker has `run(stop)` and handles one batch at a time."""
