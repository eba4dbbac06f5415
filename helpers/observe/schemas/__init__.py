"""JSON schemas that come with the workbook; where they are from stands in ``README.md``."""
