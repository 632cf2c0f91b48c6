"""A year of work reports, and an independent calculation of what must have become of them."""
