"""Copies of everything, for the day when the clinic's own is gone. No models and no screens.

`archive`    a tar stream sealed to a public key: made and read without a byte of it standing open on a disk
`database`   pg_dump and pg_restore, a view of the database that stands still, and what every table amounts to
`actions`    back everything up; restore it somewhere empty and prove that it is the same
"""
