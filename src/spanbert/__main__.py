"""`python -m spanbert`."""

from spanbert.apps.cli.main import main

main()
