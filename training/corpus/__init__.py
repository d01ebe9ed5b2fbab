"""From a text collection to a tokenizer and token shards. Run: python -m training.corpus.prepare"""
