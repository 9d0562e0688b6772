"""Real-time LLM streams in Jupyter."""
