"""Many worlds: families of shocks, runners, comparisons."""
