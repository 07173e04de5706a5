"""Screens of people who work here, one module per screen."""
