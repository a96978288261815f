"""What a person sees of themselves, in words, and corrects."""
