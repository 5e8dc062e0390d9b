#!/usr/bin/env python3
"""Checks Cargo.lock against deny.toml without cargo-deny: licences, banned crates, sources. (Advisories need cargo-deny and its database.)"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path


def satisfied(expression, allowed):
    """Whether an SPDX expression holds when only `allowed` licences may be chosen. AND binds tighter than OR."""
    words = expression.replace("(", " ( ").replace(")", " ) ").replace("/", " OR ").split()

    def alternatives():
        holds = conjunction()
        while words and words[0] == "OR":
            words.pop(0)
            holds = conjunction() or holds
        return holds

    def conjunction():
        holds = term()
        while words and words[0] == "AND":
            words.pop(0)
            holds = term() and holds
        return holds

    def term():
        word = words.pop(0)
        if word == "(":
            holds = alternatives()
            words.pop(0)
            return holds
        if words and words[0] == "WITH":
            word = " ".join([word, words.pop(0), words.pop(0)])
        return word in allowed

    return alternatives()


def faults(rules, packages):
    """Yields a message for each rule that a package breaks."""
    banned = {ban["crate"]: ban["reason"] for ban in rules["bans"]["deny"]}
    extra = {item["crate"]: item["allow"] for item in rules["licenses"]["exceptions"]}
    allowed = set(rules["licenses"]["allow"])
    registries = {f"registry+{url}" for url in rules["sources"]["allow-registry"]}
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if package["name"] in banned:
            yield f"{name} is banned: {banned[package['name']]}"
        if package["source"] not in registries | {None}:
            yield f"{name} comes from {package['source']}"
        if not satisfied(package["license"] or "none", allowed | set(extra.get(package["name"], []))):
            yield f"{name} has the licence {package['license']}, which deny.toml does not allow"


def main():
    home = Path(__file__).resolve().parent.parent
    rules = tomllib.loads((home / "deny.toml").read_text())
    asked = ["cargo", "metadata", "--locked", "--format-version", "1", "--manifest-path", str(home / "Cargo.toml")]
    packages = json.loads(subprocess.run(asked, check=True, stdout=subprocess.PIPE).stdout)["packages"]
    found = sorted(faults(rules, packages))
    print("\n".join(found + [f"{len(packages)} crates, {len(found)} violations"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
