"""Tables in, tables out: what :func:`patata.fetch` is made of.

``options`` says what may be asked of a table, ``kinds`` what a table is and how one is given back in the same
kind, ``stream`` has the results as they come, and ``call`` performs a fetch.
"""
