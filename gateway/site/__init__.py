"""What every part of the site stands on: who gets in, errors, numbers and dates in words, background work."""
