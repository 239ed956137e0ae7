"""The parts pages are built from, one module a family; templatetags/ui.py gathers them for templates."""
