"""Health checks: results (status), one kind per file (tcp, http), when they run (scheduler), what they count (health)."""
