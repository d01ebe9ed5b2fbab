"""`politico report`: what a dataset is like, before anything is learnt from it, as one page with pictures and tables."""
