"""The pages of a patient's own account, one module a noun."""
