"""The imitated HTTP API, one module per resource."""
