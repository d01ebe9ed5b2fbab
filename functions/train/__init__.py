"""The functions of the train workflow: prepare before its jobs, gate after them."""
