"""How models are judged on tweets that no training saw. Run: python -m training.evaluation.evaluate"""
