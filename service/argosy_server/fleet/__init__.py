"""Several processes that answer on one port, the workers, and the one that watches over them, the supervisor.

The supervisor takes no calls and loads no gRPC, which does not survive forks and takes memory. It keeps the port,
starts workers, starts crashed ones anew, replaces them when the settings are read again, and drains them. Workers are
told what to do over a socket each (``control``); its end is how one side learns that the other is gone.
"""
