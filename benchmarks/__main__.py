"""Runs every benchmark, one after the other: python -m benchmarks [name …]."""

import subprocess
import sys

NAMES = [
    "import_items",
    "labelling",
    "labelling_at_scale",
    "key_to_text",
    "kills",
    "agreement",
    "near_duplicates",
    "cleaning",
    "export",
    "items_page",
    "cases",
]


def main(names: list[str]) -> int:
    """Each in a process of its own, so that none finds the memory of another."""
    failed = 0
    for name in names or NAMES:
        print(f"== {name}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
