"""The Python layer: it reads the marts that dbt builds, and finishes what SQL cannot."""
