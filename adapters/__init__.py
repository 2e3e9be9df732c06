"""What connects the systems of agencies to the axis: a package for each kind, and the kit they share."""
