"""What is known of a text (sentiment, entities, key phrases), and how Amazon Comprehend is asked for it."""
