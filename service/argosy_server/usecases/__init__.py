"""What the service does, in terms of the domain and of the ports it needs."""
