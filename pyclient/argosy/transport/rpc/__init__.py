"""How a call is made: its deadline or watchdog, when it is made again, and the exception that it ends with."""
