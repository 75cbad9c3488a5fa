"""The agents platform: the application that stands on Trunkline's public API."""
