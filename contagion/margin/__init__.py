"""When a position must be sold, and who pays: tiers, accounts, procedures, waterfall."""
