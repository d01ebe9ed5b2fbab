"""The functions of the deploy workflow: release names what is made, probe asks the candidate."""
