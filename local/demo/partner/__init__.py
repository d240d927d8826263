"""The other side of the demo: the eMSP that its operator invites, with a customer who charges for a moment."""
