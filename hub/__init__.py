"""The hub of the document exchange axis: two lines and a seam."""
