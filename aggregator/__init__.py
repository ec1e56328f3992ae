"""The aggregator: makes one campaign's updates into its next global head."""
