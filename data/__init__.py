"""What comes in and what is kept."""
