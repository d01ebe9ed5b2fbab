"""The dataset as training reads it: its days as one table, cut into what is learnt from and what is held out."""
