"""Bundle and text to typed results."""
