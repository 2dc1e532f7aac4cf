"""The worker process: the only home of huey."""
