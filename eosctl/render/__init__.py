"""How answers look: table, wide, json, yaml, csv, markdown. The only room that imports rich, tabulate and pygal."""
