"""What is kept, and the protocol that every store follows; one shared test suite holds them to the same behaviour."""
