"""The hub: connections, topics, fan-out, snapshots and the doors of authorization."""
