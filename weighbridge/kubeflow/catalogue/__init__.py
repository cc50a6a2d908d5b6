"""Our components as KFP components that others can load, in the form of `kubeflow/pipelines-components`."""
