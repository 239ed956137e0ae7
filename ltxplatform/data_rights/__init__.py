"""What people and teams may ask of their data: all of it as a file, or its end."""
