"""The wire: the only place that speaks gRPC and protobuf."""
