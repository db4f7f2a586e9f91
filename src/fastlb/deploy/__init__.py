"""Files around the proxy on its host: what each part consists of, and how they are written."""
