"""`python -m app.cli`: the same as `booking`, where scripts are not on the path."""

from app.cli import main

main()
