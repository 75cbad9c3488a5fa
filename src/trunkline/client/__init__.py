"""The Python client: a connection that comes back (`WsClient`), subscriptions (`TopicManager`), and `connect`."""
