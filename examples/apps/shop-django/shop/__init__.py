"""The shop's pages; Django reaches MySQL by a driver in Python."""

import pymysql

pymysql.version_info = (2, 2, 1, "final", 0)  # Django asks for a version of the other driver
pymysql.install_as_MySQLdb()
