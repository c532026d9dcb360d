"""Links to a plant's own systems, as optional extras: MQTT and OPC UA.

In: a running station's records. Out: what happened, in the plant's words. Links tell; they never
command: orders and marks go through the API, where somebody has a name.
"""
