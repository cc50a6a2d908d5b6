raise ImportError("nobody but its owner imports this pipeline")
