"""One typed client for each service, put together from its calls, and what they all need."""
