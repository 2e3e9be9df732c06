"""What an operator does; the command line and the console only ask for it."""
