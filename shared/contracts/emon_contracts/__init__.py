"""Events, value types, actors and permissions that the services of EmON share."""
