"""MLflow's model registry as a destination: versions, what was in production when, and where the bytes are. No tfx."""
