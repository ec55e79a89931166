"""How things are shown to people in notebooks: as HTML that is safe, short, and readable in any theme."""
