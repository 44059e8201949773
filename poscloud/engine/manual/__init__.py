"""Changes by hand that go through poscloud: recorded where the environment is, and put back on time."""
