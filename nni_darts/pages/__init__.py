"""What there is by name, and a page for each: ``docs/methods`` is written from the code."""
