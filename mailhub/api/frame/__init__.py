"""What every route stands in: the app, the doorway before it, shapes, parameters, the description."""
