"""A client file becomes the raw table: formats, dialects, keys, the sample."""
