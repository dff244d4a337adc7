"""The mock's own levers, under /_mock. Nothing of it shows in the imitated API."""
