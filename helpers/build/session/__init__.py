"""What the engine may ask for while a build runs: files, secrets, logins, keys."""
