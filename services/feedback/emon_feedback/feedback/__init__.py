"""Feedback: what somebody says, who answers it, and how both go on."""
