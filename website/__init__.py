"""The documentation as a site: `make docs`. What can be made from the code is made from it while the site is built."""
