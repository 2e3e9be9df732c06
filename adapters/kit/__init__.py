"""The agency's side of the axis: sign, publish until confirmed, consume, verify, hand over once, acknowledge."""
