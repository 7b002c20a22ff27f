"""How bad it was: losses, tails, importance."""
