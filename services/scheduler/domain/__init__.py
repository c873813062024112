"""The rules of due notices as pure functions over frozen values."""
