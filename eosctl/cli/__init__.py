"""The command line: binds operations to Typer, reads settings, wires adapters and render in, catches errors once."""
