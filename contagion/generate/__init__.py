"""Made networks: markets whose tables come from stated rules and seeded draws."""
