"""Templates of the page of one study."""
