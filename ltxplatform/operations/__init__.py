"""What the site's operators need: are the task queues moving, and who restarts them."""
