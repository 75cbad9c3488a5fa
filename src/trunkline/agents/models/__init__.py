"""Model adapters: one streaming contract over OpenAI-compatible endpoints, the local model and the echo stand-in."""
