"""The yardstick: the least that Django can answer."""
