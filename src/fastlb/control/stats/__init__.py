"""Statistics: the columns (fields), one row per object (rows), their forms (csv, page) and the HTTP service."""
