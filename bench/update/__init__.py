"""The yardstick for saving: the product's own site with one more view, which does one UPDATE."""
