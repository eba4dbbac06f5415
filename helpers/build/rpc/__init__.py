"""gRPC over a connection that the engine upgrades to HTTP/2: just what a build needs of it."""
