"""The fault bench: does the suite find what went wrong in the wild, and does it leave the legal alone?"""
