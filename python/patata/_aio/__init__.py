"""What :class:`patata.AsyncPatata` is made of: a call on an event loop that nothing in here may block."""
