"""`make report ENGINE=spark`: the same report of models that Spark built."""

import argparse
import functools
import sys

from bank_segments import report
from spark.build import build_warehouse


def main() -> int:
    """Take `--engine` from the command line, and give the rest to the report."""
    parser = argparse.ArgumentParser(prog="make report", add_help=False, allow_abbrev=False)
    parser.add_argument("--engine", choices=("spark", "spark_thrift"), default="spark", help="a target of profiles.yml")
    options, rest = parser.parse_known_args()
    return report.main(rest, functools.partial(build_warehouse, target=options.engine))


if __name__ == "__main__":
    sys.exit(main())
