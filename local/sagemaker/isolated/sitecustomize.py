"""Python reads this at its start where this folder is on PYTHONPATH: jobs and endpoints must not find the project's own folder.

An editable install lets every process of the environment import the project; a container has only what was packed for it.
"""

import sys

sys.meta_path[:] = [finder for finder in sys.meta_path if not str(getattr(finder, "__module__", "")).startswith("__editable__")]
