"""Pictures of networks, runs and comparisons."""
