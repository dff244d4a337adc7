"""What clients do against the contract or against good sense, seen from their requests and webhooks."""
