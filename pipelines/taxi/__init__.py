"""Will the passenger of a Chicago taxi trip tip more than a fifth of the fare?"""
