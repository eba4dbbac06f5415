"""container-structure-test's YAML files, read and run as they are.

Source: https://github.com/GoogleContainerTools/container-structure-test (schema 2.0.0).
"""
