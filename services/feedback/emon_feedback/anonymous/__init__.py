"""Feedback of somebody who says nothing of who they are: one secret leads to it, and nothing leads back."""
