"""Measures the product beside a bare Django no-op: `make bench`. What the figures mean: docs/performance.md."""
