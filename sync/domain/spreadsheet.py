"""What every file for a spreadsheet has in common."""

#: A cell that begins like this is a formula to a spreadsheet, whoever typed it as a name.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def neutral(value: str) -> str:
    """The text, so that no spreadsheet takes it for a formula."""
    return f"'{value}" if value.startswith(FORMULA) else value
