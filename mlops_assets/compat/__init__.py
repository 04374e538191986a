"""Private or undocumented parts of third-party libraries: one module per library, one test per symbol.

Nothing else in `mlops_assets` imports a private name. A release that moves one breaks a test in
`mlops_assets_tests/compat/`, and only the module here changes.
"""
