"""What crawls are polite by: the files ``robots.txt`` of hosts, as RFC 9309 has them."""
