"""What stands between a built warehouse and its publication, and the publication itself."""
