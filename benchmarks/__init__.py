"""How fast the workbook is, measured on the machine at hand: ``make bench``."""
