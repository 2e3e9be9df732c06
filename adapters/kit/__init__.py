"""The agency's side of the axis: sign, publish until confirmed, verify, hand over once, acknowledge."""
