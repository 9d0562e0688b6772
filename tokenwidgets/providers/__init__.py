"""Where models are: dialect, host and profile; the simulator, recordings and the local model."""
