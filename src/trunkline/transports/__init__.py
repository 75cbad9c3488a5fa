"""Transports: how the hub's frames reach a socket."""
