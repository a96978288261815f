"""Who is there and who is responsible: municipalities, organisations, people."""
