"""How distress travels: cascades, fire sales, clearing."""
