"""A user's own table: read, looked through, measured within a budget, and answered on."""
