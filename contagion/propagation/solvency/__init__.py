"""Models of balance sheets: clearing, distress, valuation and cross-holdings on one network."""
