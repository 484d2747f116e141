"""Building and moving an instance: migrations, demonstration, container and cloud definitions."""
