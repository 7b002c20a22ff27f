"""The liquidation cascade, one file a step."""
