"""What every part uses: names, errors, digests, periods and quoting; it imports no other part."""
