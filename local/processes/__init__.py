"""Child processes that never outlive us, and ports for them."""
