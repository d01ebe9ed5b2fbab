"""What a step learns from: windows of a corpus, or tweets behind a context that says what they are like."""
