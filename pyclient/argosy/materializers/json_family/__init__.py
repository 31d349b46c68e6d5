"""Values that a JSON document says: builtins, enums, dates, containers, and objects and scalars inside of them."""
