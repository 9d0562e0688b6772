"""The network lab: one stream over several transports at once, across a link that loses, delays and reorders packets."""
