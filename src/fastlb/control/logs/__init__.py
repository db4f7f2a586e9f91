"""Log lines of the control process: their form (format), where they go (sender), which target takes which (journal)."""
