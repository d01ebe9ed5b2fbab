"""The train workflow in the template, and its SageMaker jobs."""
