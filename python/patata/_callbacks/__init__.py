"""The user's callbacks.

``calling`` calls them on responses, and ``failures`` counts those that failed. ``processes`` has them called
elsewhere, in processes each of which has a ``worker`` here and runs ``child`` there.
"""
