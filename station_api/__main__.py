"""`python -m station_api` is `pinmark`."""

from station_api.cli import main

main()
