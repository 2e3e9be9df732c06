"""What it takes to run the axis somewhere: here on one machine, there with containers."""
