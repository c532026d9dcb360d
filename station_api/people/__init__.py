"""People and machines: who may do what, and how they show who they are.

In: names, PINs, passwords, keys. Out: `Caller`, and an entry of the log for every authentication
event. People prove themselves by argon2id and get a session; machines carry a 256-bit key.
"""

from station_api.people.callers import Caller, NotAllowedError, SignInError, TooManyError
from station_api.people.keys import Keys
from station_api.people.people import People, Person
from station_api.people.roles import MACHINE_ROLES, RIGHTS, Right, Role
from station_api.people.sessions import Sessions

__all__ = [
    "MACHINE_ROLES",
    "RIGHTS",
    "Caller",
    "Keys",
    "NotAllowedError",
    "People",
    "Person",
    "Right",
    "Role",
    "Sessions",
    "SignInError",
    "TooManyError",
]
