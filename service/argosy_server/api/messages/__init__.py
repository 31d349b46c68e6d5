"""Between the wire and the domain: what messages say, what answers may hold, and errors as statuses."""
