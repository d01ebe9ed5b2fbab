"""Train one stage of a model, on a laptop, under torchrun, or in a SageMaker container.

    python training/train.py --stage base --corpus FOLDER --model_dir FOLDER --output_dir FOLDER --max_minutes 1
    torchrun --nproc-per-node 2 training/train.py --stage control --dataset FOLDER --base FOLDER …

The flags are the fields of `Job`, `NetworkSettings` and `BaseSettings` or `ControlSettings`. In a SageMaker container
training/launch.py starts it.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The code's root instead of this folder: `import training` works, and none of our files hides a library.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from training.arguments import main

    sys.exit(main(sys.argv[1:]))
