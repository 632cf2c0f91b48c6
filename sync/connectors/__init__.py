"""One folder per outside system. The only code that imports requests; knows no Django."""
