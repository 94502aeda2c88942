"""Targets that mean harm, and what the suite does with them."""
