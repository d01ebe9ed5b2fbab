"""From text to model to evaluation: the programs that SageMaker's training and processing jobs run, and a laptop too."""
