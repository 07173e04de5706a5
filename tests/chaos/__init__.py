"""Killing everything that sends, and counting what arrived."""
