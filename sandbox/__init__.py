"""Local stand-ins for the platform's vendors: processes of their own that speak the real protocols."""
