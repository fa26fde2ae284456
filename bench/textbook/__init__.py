"""The worker that a good team would write in a day: the same create, one message at a time.

FastStream with pydantic models, an ORM session, httpx, at-least-once: the offset is committed once
reply and event are out. It checks the token, the request and its idempotency key, looks for an
overlap under a lock on the venue, makes the same four calls, writes booking, history and key in one
transaction, and publishes afterwards. Nobody's data is sealed, nothing is audited or undone, and a
crash between a call and the commit leaves what was reserved: that is what the difference buys.
"""
