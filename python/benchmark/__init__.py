"""Times the project's models against pandas, polars and the bare scan of the same columns: `make benchmark`."""
