"""What reports to OpenTelemetry: durations, spans, the thread that does both, and the part of a call."""
