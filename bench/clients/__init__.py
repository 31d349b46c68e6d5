"""The clients of all languages against the Python SDK, in the same run: rate, CPU and memory."""
