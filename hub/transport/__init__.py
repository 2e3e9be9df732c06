"""How whoever connects to the axis's broker is protected; hub and kit share it."""
