"""Voice sessions: streams that also take input.

A session is a stream like any other: one call of a provider, one journal, any number of readers. What its user says goes the other way,
as inputs (`inputs.py`) into its inbox (`inbox.py`), from a page, a kernel or a client of the gateway alike.
"""
