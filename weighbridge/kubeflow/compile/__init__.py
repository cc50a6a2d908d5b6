"""A TFX pipeline compiled into a package that open-source Kubeflow Pipelines 2 accepts and runs."""
