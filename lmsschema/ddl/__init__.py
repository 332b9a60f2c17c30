"""Lock-safe operations: one a module; each says which locks it takes, and a test proves it."""
