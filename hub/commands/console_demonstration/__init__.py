"""A world to look at in the console: a dozen agencies, thousands of documents, and whatever can fail."""
