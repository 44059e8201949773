"""What a project has for its own machine: a port of its own, and logs in files, both of which are set over."""

bind = "127.0.0.1:1"
accesslog = "/nonexistent/access.log"
workers = 2
proc_name = "yin"
