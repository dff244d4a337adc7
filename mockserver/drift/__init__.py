"""Our contract beside an OpenAPI document of the vendor: what differs, and how to follow that document."""
