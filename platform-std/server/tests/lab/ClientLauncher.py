"""Starts the client: ClientLauncher.py HOST PORT RTP_PORT FILE."""

import sys
from tkinter import Tk

from Client import Client

if __name__ == "__main__":
    root = Tk()
    client = Client(root, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    root.mainloop()
