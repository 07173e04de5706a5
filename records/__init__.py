"""One person's whole record: found, written out, and deleted once the law lets it go. No models and no screens.

`people`     whose record is meant: all the rows of one person, or a draft that belongs to nobody yet
`parts`      the pieces of a record as plain values and files, each reading in the trail
`whole`      everything the clinic holds about one person, as one file for the privacy contact
`keeping`    until when a record has to be kept, and why
`actions`    what is deleted with a person, and what stays
"""
