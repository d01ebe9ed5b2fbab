"""SageMaker's jobs and endpoints as processes on this machine, in the container's layout."""
