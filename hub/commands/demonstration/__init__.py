"""The main story of the axis, played on the real stack and checked as it goes."""
