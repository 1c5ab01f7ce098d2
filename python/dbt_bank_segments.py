"""A plugin that dbt finds by its name: on Spark it puts the project's adapter in the place of dbt-spark's."""

import sys

from dbt.plugins.manager import dbtPlugin


class SparkPlugin(dbtPlugin):
    """Does nothing unless the profile's target, which dbt reads before it sets up plugins, is a Spark one."""

    def initialize(self) -> None:
        """Exchange the adapter, and make the directory of what Spark leaves."""
        spark = sys.modules.get("dbt.adapters.spark")
        if spark is not None:
            from spark.adapter import SparkAdapter, spark_home

            spark.Plugin.adapter = SparkAdapter
            # Before Derby, whose log goes there; it is to hold the bank's ids.
            spark_home().mkdir(mode=0o700, parents=True, exist_ok=True)


plugins = [SparkPlugin]
