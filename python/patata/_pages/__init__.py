"""What the ways of paging in :mod:`patata.pages` are made of."""
