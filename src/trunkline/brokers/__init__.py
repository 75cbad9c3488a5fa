"""Brokers: they give each event its positions, keep the logs, and hand events to the nodes that have subscribers."""
