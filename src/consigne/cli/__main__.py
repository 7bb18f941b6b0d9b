"""``python -m consigne.cli``."""

from consigne.cli import main

main()
