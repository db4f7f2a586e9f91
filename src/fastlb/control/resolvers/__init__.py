"""Names of servers that are asked for while the program runs (manual, section 5.3)."""
