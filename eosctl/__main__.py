"""The process entry: `python -m eosctl` and the `eosctl` script start here."""

from eosctl.cli.main import main

if __name__ == "__main__":
    main()
