select key, code, name, parent, closed_at, successor from agencies
