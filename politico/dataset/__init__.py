"""The dataset: one Parquet file a day, its manifest, and the numbers that sum it up."""
