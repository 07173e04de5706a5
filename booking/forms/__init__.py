"""What people type on the booking path: a module a step, imported by its own name. Nothing typed is lost.

What they are made of is in `booking/fields.py`.
"""
