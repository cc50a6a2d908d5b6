"""Models behind a server: the model in production, called over HTTP and gRPC."""
