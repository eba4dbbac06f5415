"""The workbook's own plugin, also where the package is not installed with its entry points."""

pytest_plugins = ("helpers.pytest_plugin",)
