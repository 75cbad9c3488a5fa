"""The wire protocol without I/O: messages, codec, both sessions, recovery and backoff. No await, clock or socket."""
