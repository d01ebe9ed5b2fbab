"""From a request to tweets: the engine, and the server that SageMaker starts."""
