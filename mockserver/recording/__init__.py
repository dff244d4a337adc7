"""Recording what the mock really answers, as files that any language can read: behind `mockserver fixtures`."""
