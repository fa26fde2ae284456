"""The rules, each one a named function that gives a Refusal or a value."""
