"""What Plinth adds to MLServer: a model's files are fetched at start, and a transformer may stand before a model."""
