"""`python -m emon_dashboard`: serves the pages. It has no database and no worker, so `api` and `all` say the same."""

import argparse

from emon_dashboard.app import run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m emon_dashboard")
    parser.add_argument("role", nargs="?", choices=("api", "all"), default="all")
    parser.parse_args()
    run()
