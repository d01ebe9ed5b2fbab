"""What a tweet must and must not say: rules over scores, and over what was written."""
