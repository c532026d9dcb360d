"""The service behind HTTP: one process that owns the records, the port and the sessions.

In: requests that `hardening` let through and `callers` put a name to. Out: transitions, live
events, webhooks, problems. Routes are in `station_api.routes`; here is what they share.
"""
