"""The project on Spark: its adapter, and the comparison of its rows with DuckDB's: `make parity`."""
