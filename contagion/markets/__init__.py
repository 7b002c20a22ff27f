"""How prices move: impact, marks, depth."""
