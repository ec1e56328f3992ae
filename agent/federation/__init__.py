"""Federation as a guest: consent, what may leave, and what comes of a global head."""
