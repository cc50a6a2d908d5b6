"""Load on a server: requests sent at planned times, and how long each takes from then on."""
