"""What a worker tells of itself: log records, OpenTelemetry spans, Prometheus metrics."""
