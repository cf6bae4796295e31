"""The table of ``mastersctl list``, drawn by Rich alone: python rich_alone.py DATABASE"""

import sqlite3
import sys
import time
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

SELECT = """
SELECT id, name, CASE WHEN active = 0 THEN 'inactive' WHEN last_active = 0 THEN 'expired'
WHEN last_active < ? THEN 'stale' ELSE 'active' END, last_active FROM masters ORDER BY id
"""

table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
table.add_column("ID", justify="right", overflow="fold")
for title in ("NAME", "STATE", "LAST SEEN"):
    table.add_column(title, overflow="fold")
for id_, name, state, seconds in sqlite3.connect(sys.argv[1]).execute(SELECT, [time.time() - 600]):
    moment = datetime.fromtimestamp(seconds, UTC).isoformat()
    table.add_row(Text(str(id_)), Text(name), Text(state), Text(moment))
console = Console(width=2**20, color_system=None)
with console.capture() as capture:
    console.print(table)
sys.stdout.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())
