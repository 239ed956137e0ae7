"""What runs in a confined child process: these modules import the standard library, Pillow and PyAV only.

A file from outside is never decoded in a process that holds secrets or database connections. The parent's
side is `generations.child_process`.
"""
