"""A user's file, read and cleaned: from rows as they come to a table that models can use."""
