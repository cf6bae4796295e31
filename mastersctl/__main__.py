"""``python -m mastersctl``, the same as the command ``mastersctl``."""

from mastersctl.cli import main

if __name__ == "__main__":
    main()
