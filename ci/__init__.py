"""The gates: checks that must hold before code lands. In a checkout `python -m ci`, installed `python -m playhall.ci`."""
