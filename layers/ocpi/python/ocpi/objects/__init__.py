"""Objects between wire and store: how own and received ones are written, whatever the module."""
