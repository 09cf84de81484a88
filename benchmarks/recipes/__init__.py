"""Every registered method on one small search whose result can be looked up: the parts of its table."""
