"""Fresh databases for tests: throw-away servers, databases of a test's own, the pytest plugin."""
