"""Fresh databases for tests: temporary servers, a database for each test, the pytest plugin."""
