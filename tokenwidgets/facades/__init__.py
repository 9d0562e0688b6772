"""The forms in which other programs ask for a generation: requests in, answers out, without I/O.

A façade is the server's side of a vendor's API. What comes in becomes a request of ours, which any host can carry out; what the stream
gives becomes what that vendor's clients expect.
"""
