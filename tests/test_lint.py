"""The hooks that run before a commit are the linters that `make lint` and so CI run."""

import re

import yaml

from conftest import ROOT

OPTIONS = re.compile(r" (?:--\S+|\d+|\.)(?= |$)|^env \S+=\S+ | \$\(if .*")


def test_hooks_are_the_linters_of_ci() -> None:
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = {
        OPTIONS.sub("", hook["entry"]).removeprefix(".venv/bin/")
        for repository in configuration["repos"]
        for hook in repository["hooks"]
        if hook["language"] == "system"
    }
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = re.findall(r"^(?:lint|target/sql-linted):.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    linters = re.findall(r"^\t\$\(BIN\)/(.*)", "".join(recipes), re.MULTILINE)
    assert hooks == {OPTIONS.sub("", linter) for linter in linters}
