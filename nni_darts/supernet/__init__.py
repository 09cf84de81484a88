"""The space after mutation: every choice is a mixed module that reads its weights from one place."""
