"""Who may do what: roles and actions, grants and holds, networks, passwords and second factors; default deny."""
