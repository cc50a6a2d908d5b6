"""Training by Kubeflow Trainer: a step renders a TrainJob, hands it the data, watches it and takes the model."""
