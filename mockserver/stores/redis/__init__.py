"""The store in Redis or Valkey, which any number of processes share; each step that must be atomic is one script."""
