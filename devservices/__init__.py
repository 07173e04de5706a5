"""PostgreSQL and Valkey for `make demo` and `make test`, out of two Python wheels. Never imported in production.

`state`      the folder that holds their files, one per checkout and purpose
`processes`  children that never outlive us
`servers`    the two servers
`demo`       everything that `make demo` runs
"""
