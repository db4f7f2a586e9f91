"""The runtime API (`stats socket`): how lines become commands (line), who may do what (command), the listener
(service), and the commands by family (show_*, server, limits, session), listed in table."""
