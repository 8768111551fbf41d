"""What `mailhub doctor` looks at. A check is a function that gives findings; it raises nothing and changes nothing."""
