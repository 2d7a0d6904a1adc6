import os

DEBUG = False
DATABASE_URL = os.environ["DATABASE_URL"]
