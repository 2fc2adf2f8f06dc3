"""Records what SQLAlchemy answers to scenarios."""
