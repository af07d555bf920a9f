"""What a decision costs: from memory, inside the process, by an OPA server, and while policies are exchanged."""
