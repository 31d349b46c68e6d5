"""What the ports are made of: databases and storages."""
