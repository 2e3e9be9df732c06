"""The way in for an agency with no developer: documents go out of one folder and come into another."""
