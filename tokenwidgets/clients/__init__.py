"""How a kernel reads and starts streams."""
