"""Write the generated pages: `python -m docs._generate`, which is `make reference`."""

from docs._generate import PAGES, write

for path in PAGES:
    write(path)
