"""`mockserver serve --workers N`: a parent that serves nothing itself, and processes that serve one port together."""
