"""A believable project to try Loupe on, with faults planted that Loupe should find."""
